// DraftModel: a smaller model of the same vocabulary says how a text goes on: its likeliest token,
// and so on behind it. It has keys and values and a workspace of its own, as DraftPlan counts them,
// and computes on the backend of the model it drafts for, between that one's steps, one text after
// another.
//
// A text is computed from where its lane (draft_lanes.h) knows it, a chunk a call: a long prompt
// has no draft until the chunk that reaches its end. Allocates in create() only. Errors: that it
// does not fit. Owner: the engine's thread.
#pragma once

#include "backend/backend.h"
#include "base/result.h"
#include "engine/draft_lanes.h"
#include "engine/draft_proposer.h"
#include "engine/kv_arena.h"
#include "engine/time_average.h"
#include "model/model.h"
#include "model/workspace.h"
#include "plan/draft_plan.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace bora {

class DraftModel : public DraftProposer {
 public:
  // `backend`: borrowed, prepared for the plan's chunk. `drafted`: the model it drafts for, to know
  // its vocabulary and its size; not kept. Errors: kDoesNotFit.
  static Result<std::unique_ptr<DraftModel>> create(std::unique_ptr<Model> model, Backend& backend,
                                                    const DraftPlan& plan, const Model& drafted);

  // No draft where the text or the draft would leave the context, or has a token that this model
  // has not.
  void propose(std::span<const TokenId> tokens, std::size_t most,
               std::vector<TokenId>& draft) override;

  // Asked again and again, it forgets what it has measured (TimeAverage::forget).
  [[nodiscard]] DraftTime time(std::span<const TokenId> tokens, double step_seconds) override;

 private:
  struct Memory {
    KvArena kv;
    Workspace workspace;
    Buffer logits;
  };
  DraftModel(std::unique_ptr<Model> model, Backend& backend, const DraftPlan& plan, Memory memory,
             const Model& drafted);

  [[nodiscard]] bool may_draft_behind(std::span<const TokenId> tokens) const;
  // Computes the last `count` tokens of the lane and takes the time.
  void compute(std::size_t lane, std::size_t count, bool wants_logits);
  [[nodiscard]] ForwardBatch batch_of(std::size_t lane, std::size_t count, bool wants_logits);
  [[nodiscard]] TokenId likeliest() const;

  std::unique_ptr<Model> model_;
  Backend& backend_;
  std::size_t context_length_;
  std::size_t chunk_;
  std::size_t vocab_size_;        // ids that both models have
  double assumed_relative_time_;  // of a token here to a step of the other model
  Memory memory_;
  DraftLanes lanes_;
  bool is_warm_ = false;           // the weights have been read
  TimeAverage token_seconds_;      // of a few tokens computed together
  TimeAverage seconds_each_more_;  // that each of many adds to it
  // A batch's arrays.
  std::vector<std::int32_t> positions_;
  std::vector<std::int64_t> slots_;
  std::vector<std::int32_t> cu_seqlens_ = {0, 0};
  std::int32_t context_len_ = 0;
  std::int32_t logits_row_ = 0;
};

}  // namespace bora
