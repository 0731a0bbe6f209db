// DraftProposer: guesses how a sequence goes on, cheaply, so that one step can compute several of
// its tokens (speculative decoding, https://arxiv.org/abs/2211.17192). A wrong guess costs time and
// nothing else: each token of a draft is kept only where the sampler draws the same one.
//
// Owner: the engine's thread.
#pragma once

#include "base/ids.h"

#include <cstddef>
#include <span>
#include <vector>

namespace bora {

// What a draft takes to make, in seconds.
struct DraftTime {
  double catch_up = 0.0;  // once, before the first token of it
  double token = 0.0;     // each
};

class DraftProposer {
 public:
  DraftProposer() = default;
  virtual ~DraftProposer() = default;
  DraftProposer(const DraftProposer&) = delete;
  DraftProposer& operator=(const DraftProposer&) = delete;
  DraftProposer(DraftProposer&&) = delete;
  DraftProposer& operator=(DraftProposer&&) = delete;

  // Fills the empty `draft`, which has room for `most`, with up to `most` tokens that may follow
  // `tokens`, prompt and answer of one sequence; ids of the vocabulary. Leaves it empty where it
  // has no idea. Neither allocates nor fails.
  virtual void propose(std::span<const TokenId> tokens, std::size_t most,
                       std::vector<TokenId>& draft) = 0;

  // What a draft behind `tokens` would take, by what others took; where nothing is measured, as a
  // share of `step_seconds`, a step without drafts. Nothing, unless it says otherwise.
  [[nodiscard]] virtual DraftTime time(std::span<const TokenId> /*tokens*/,
                                       double /*step_seconds*/) {
    return {};
  }
};

}  // namespace bora
