// DraftLanes: the texts of which a draft model's cache holds keys and values, a few of them, and
// where these lie.
//
// A lane is a sequence's text as far as it is computed. Nobody says which sequence a text belongs
// to: a lane serves every text that begins with its own, so it follows a sequence as that grows,
// waits while it is preempted, and serves the next turn of a conversation. What a text does not
// share with its lane, wrong drafts first of all, is computed anew and written over.
//
// A lane has blocks of its own, used in a circle where a window lets go of the first ones.
// Allocates in its constructor only. Owner: the engine's thread.
#pragma once

#include "base/ids.h"
#include "plan/draft_plan.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace bora {

class DraftLanes {
 public:
  DraftLanes(const DraftPlan& plan, std::size_t window);

  // Where a text is to be computed: [0, kept) of it are stored there and can be built upon, fewer
  // than all, so that its last token gives logits.
  struct Place {
    std::size_t lane = 0;
    std::size_t kept = 0;
  };
  // `tokens`: 1 to context_length. Of the lanes that hold a beginning of them the one that holds
  // most, else the one not used for longest.
  [[nodiscard]] Place find(std::span<const TokenId> tokens) const;

  // From now on the lane is that of `tokens`, of which [0, kept) are stored.
  void hold(Place place, std::span<const TokenId> tokens);

  // Appends what is about to be computed: the next of those tokens, or of a draft behind them all.
  // The lane does not exceed the context.
  void append(std::size_t lane, std::span<const TokenId> tokens);
  void append_draft(std::size_t lane, TokenId id);

  // What is stored or about to be.
  [[nodiscard]] std::span<const TokenId> tokens(std::size_t lane) const {
    return lanes_[lane].tokens;
  }

  [[nodiscard]] std::int64_t slot(std::size_t lane, std::size_t position) const;
  // [blocks of context_length]
  [[nodiscard]] std::span<const std::int32_t> block_table(std::size_t lane) const;

 private:
  struct Lane {
    std::vector<TokenId> tokens;
    std::size_t of_text = 0;  // of tokens; those behind are a draft
    std::size_t written = 0;  // positions, wrong ones included
    std::uint64_t last_use = 0;
  };
  [[nodiscard]] bool holds_all_seen_from(const Lane& lane, std::size_t position) const;

  std::size_t context_length_;
  std::size_t lane_blocks_;
  std::size_t window_;
  std::vector<Lane> lanes_;
  std::vector<std::int32_t> block_tables_;  // [lanes, blocks of context_length]
  std::uint64_t uses_ = 0;
};

}  // namespace bora
