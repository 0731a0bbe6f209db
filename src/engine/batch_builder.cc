#include "engine/batch_builder.h"

#include "base/check.h"

#include <algorithm>

namespace bora {

BatchBuilder::BatchBuilder(const Capacity& capacity, std::size_t block_tokens)
    : block_tokens_(block_tokens), max_blocks_(capacity.max_blocks) {
  ids_.reserve(capacity.tokens);
  positions_.reserve(capacity.tokens);
  slots_.reserve(capacity.tokens);
  cu_seqlens_.reserve(capacity.sequences + 1);
  context_lens_.reserve(capacity.sequences);
  block_tables_.reserve(capacity.sequences * capacity.max_blocks);
  rows_.reserve(capacity.rows);
}

ForwardBatch BatchBuilder::build(const SchedulerOutput& step) {
  CHECK(step.tokens > 0 && step.tokens <= ids_.capacity(), "a step has 1 to capacity tokens");
  ids_.clear();
  positions_.clear();
  slots_.clear();
  cu_seqlens_.assign(1, 0);
  context_lens_.clear();
  block_tables_.clear();
  rows_.clear();
  for (const ScheduledSequence& scheduled : step.sequences) append(scheduled);

  ForwardBatch batch;
  batch.input_ids = ids_;
  batch.positions = positions_;
  batch.slot_mapping = slots_;
  batch.cu_seqlens_q = cu_seqlens_;
  batch.context_lens = context_lens_;
  batch.block_tables = block_tables_;
  batch.max_blocks_per_sequence = max_blocks_;
  batch.logits_rows = rows_;
  return batch;
}

void BatchBuilder::append(const ScheduledSequence& scheduled) {
  const Sequence& sequence = *scheduled.sequence;
  const std::size_t end = scheduled.begin + scheduled.count;
  for (std::size_t position = scheduled.begin; position < end; ++position) {
    if (position + scheduled.rows >= end) rows_.push_back(static_cast<std::int32_t>(ids_.size()));
    ids_.push_back(sequence.token_at(position));
    positions_.push_back(static_cast<std::int32_t>(position));
    slots_.push_back(slot_of(sequence.blocks, position, block_tokens_));
  }
  cu_seqlens_.push_back(static_cast<std::int32_t>(ids_.size()));
  context_lens_.push_back(static_cast<std::int32_t>(end));
  const std::vector<std::int32_t>& entries = sequence.blocks.entries;
  block_tables_.insert(block_tables_.end(), entries.begin(), entries.end());
  block_tables_.resize(context_lens_.size() * max_blocks_, -1);
}

}  // namespace bora
