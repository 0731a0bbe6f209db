#include "engine/batch_builder.h"

#include "base/check.h"

#include <numeric>

namespace bora {

BatchBuilder::BatchBuilder(std::size_t max_tokens)
    : positions_(max_tokens), slots_(max_tokens), rows_(max_tokens) {
  std::iota(rows_.begin(), rows_.end(), 0);
}

ForwardBatch BatchBuilder::build(std::span<const TokenId> ids, std::size_t begin, LogitsOf logits,
                                 const BlockTable& blocks, std::size_t block_tokens) {
  const std::size_t tokens = ids.size();
  CHECK(tokens > 0 && tokens <= positions_.size(), "a step has 1 to max_tokens tokens");
  for (std::size_t i = 0; i < tokens; ++i) {
    positions_[i] = static_cast<std::int32_t>(begin + i);
    slots_[i] = slot_of(blocks, begin + i, block_tokens);
  }
  cu_seqlens_ = {0, static_cast<std::int32_t>(tokens)};
  context_len_ = static_cast<std::int32_t>(begin + tokens);

  const std::span<const std::int32_t> all_rows(rows_.data(), tokens);
  ForwardBatch batch;
  batch.input_ids = ids;
  batch.positions = {positions_.data(), tokens};
  batch.slot_mapping = {slots_.data(), tokens};
  batch.cu_seqlens_q = cu_seqlens_;
  batch.context_lens = {&context_len_, 1};
  batch.block_tables = blocks.entries;
  batch.max_blocks_per_sequence = blocks.entries.size();
  switch (logits) {
    case LogitsOf::kNone:
      break;
    case LogitsOf::kLast:
      batch.logits_rows = all_rows.last(1);
      break;
    case LogitsOf::kAll:
      batch.logits_rows = all_rows;
      break;
  }
  return batch;
}

}  // namespace bora
