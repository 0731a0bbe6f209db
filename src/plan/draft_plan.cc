#include "plan/draft_plan.h"

#include "plan/kv_blocks.h"

#include <algorithm>

namespace bora {

WeightBytes weight_bytes_of(const Model& model) {
  return {.mapped = model.weight_bytes() - model.converted_bytes() - model.copied_bytes(),
          .converted = model.converted_bytes(),
          .copied = model.copied_bytes(),
          .copyable = model.copyable_bytes()};
}

WeightBytes WeightBytes::copy() const {
  return {.mapped = mapped - copyable,
          .converted = converted,
          .copied = add_bytes(copied, copyable),
          .copyable = 0};
}

std::uint64_t DraftPlan::total() const {
  return add_bytes(add_bytes(weights.total(), kv), add_bytes(workspace, tables));
}

DraftPlan plan_draft(const Model& draft, const WeightBytes& weights, const DraftedModel& drafted) {
  constexpr std::uint64_t kPerPosition = 16;
  constexpr std::uint64_t kPerLane = 1024;
  DraftPlan plan;
  plan.context_length = std::min(drafted.context_length, draft.config().max_position_embeddings);
  plan.chunk = std::min(drafted.chunk, plan.context_length);
  plan.lanes = std::min(drafted.max_sequences, kMostDraftedSequences);
  // A draft that was wrong reaches beyond what the next step begins with.
  plan.lane_blocks = kv_blocks_needed(plan.context_length, draft.kv_shape().sliding_window,
                                      std::max(plan.chunk, kMostDraftedTokens + 1), kKvBlockTokens);
  plan.kv_dtype = drafted.kv_dtype;
  plan.workspace_values = draft.workspace_values(plan.chunk);
  plan.weights = weights;
  plan.kv =
      kv_bytes(draft.kv_shape(), plan.kv_dtype, plan.lanes * plan.lane_blocks, kKvBlockTokens);
  plan.workspace =
      multiply_bytes(add_bytes(plan.workspace_values, draft.config().vocab_size), sizeof(float));
  plan.tables = multiply_bytes(plan.lanes, kPerLane + kPerPosition * plan.context_length);
  return plan;
}

}  // namespace bora
