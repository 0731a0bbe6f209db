#include "engine/block_table.h"

#include "base/check.h"

#include <algorithm>

namespace bora {

BlockTable::BlockTable(std::size_t num_blocks, std::size_t context, std::size_t window,
                       std::size_t block_tokens)
    : num_blocks_(num_blocks),
      window_(window),
      block_tokens_(block_tokens),
      entries_((context + block_tokens - 1) / block_tokens) {
  free_.reserve(num_blocks);
  clear();
}

void BlockTable::clear() {
  std::fill(entries_.begin(), entries_.end(), -1);
  free_.clear();
  // Taken from the back: low blocks first, so that a short sequence touches few pages.
  for (std::size_t i = num_blocks_; i > 0; --i) free_.push_back(static_cast<std::int32_t>(i - 1));
  first_held_ = 0;
}

void BlockTable::advance(std::size_t begin, std::size_t end) {
  CHECK(begin < end && end <= entries_.size() * block_tokens_, "a step lies within the context");
  if (window_ != 0 && begin + 1 > window_) {
    const std::size_t first_seen = begin + 1 - window_;
    for (; (first_held_ + 1) * block_tokens_ <= first_seen; ++first_held_) {
      std::int32_t& entry = entries_[first_held_];
      if (entry >= 0) free_.push_back(entry);
      entry = -1;
    }
  }
  for (std::size_t i = begin / block_tokens_; i * block_tokens_ < end; ++i) {
    if (entries_[i] >= 0) continue;
    CHECK(!free_.empty(), "kv_blocks_needed() blocks suffice");
    entries_[i] = free_.back();
    free_.pop_back();
  }
}

std::int64_t BlockTable::slot(std::size_t position) const {
  const std::int32_t block = entries_[position / block_tokens_];
  DCHECK(block >= 0, "a position that advance() has prepared");
  return static_cast<std::int64_t>(block) * static_cast<std::int64_t>(block_tokens_) +
         static_cast<std::int64_t>(position % block_tokens_);
}

}  // namespace bora
