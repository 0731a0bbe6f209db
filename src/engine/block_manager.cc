#include "engine/block_manager.h"

#include "base/check.h"

#include <algorithm>

namespace bora {
namespace {

BlockId block_id(std::int32_t value) { return BlockId{value}; }

}  // namespace

std::int64_t slot_of(const BlockTable& table, std::size_t position, std::size_t block_tokens) {
  const std::int32_t block = table.entries[position / block_tokens];
  DCHECK(block >= 0, "a position that advance() has prepared");
  return static_cast<std::int64_t>(block) * static_cast<std::int64_t>(block_tokens) +
         static_cast<std::int64_t>(position % block_tokens);
}

BlockManager::BlockManager(const Shape& shape)
    : shape_(shape),
      references_(shape.num_blocks),
      cached_(shape.num_blocks),
      prefixes_(shape.prefix_entries, shape.num_blocks, shape.block_tokens) {
  free_.reserve(shape.num_blocks);
  // Low blocks are taken first, so that a short sequence touches few pages.
  for (std::size_t i = shape.num_blocks; i > 0; --i) {
    free_.push_back(static_cast<std::int32_t>(i - 1));
  }
}

std::size_t BlockManager::references(BlockId block) const {
  return references_[static_cast<std::size_t>(block.value)];
}

BlockId BlockManager::take() {
  std::int32_t block = -1;
  if (!free_.empty()) {
    block = free_.back();
    free_.pop_back();
  } else {
    block = cached_.front();
    cached_.remove(block);
    prefixes_.forget(block_id(block));
  }
  references_[static_cast<std::size_t>(block)] = 1;
  return block_id(block);
}

void BlockManager::share(std::int32_t block) {
  if (references_[static_cast<std::size_t>(block)]++ == 0) cached_.remove(block);
}

void BlockManager::give_back(std::int32_t block) {
  std::uint32_t& references = references_[static_cast<std::size_t>(block)];
  CHECK(references > 0, "a block is given back by who uses it");
  if (--references > 0) return;
  if (prefixes_.holds(block_id(block))) {
    cached_.push_back(block);
  } else {
    free_.push_back(block);
  }
}

std::size_t BlockManager::first_seen_block(std::size_t position) const {
  if (shape_.window == 0 || position + 1 <= shape_.window) return 0;
  return (position + 1 - shape_.window) / shape_.block_tokens;
}

std::size_t BlockManager::take_prefix(std::span<const TokenId> ids, BlockTable& table) {
  CHECK(table.end == 0 && table.recorded == 0, "the table is empty");
  const std::size_t block_tokens = shape_.block_tokens;
  const std::size_t most = (ids.size() - 1) / block_tokens;
  std::size_t hit = 0;    // blocks
  std::size_t whole = 0;  // entries in a row, up to here, that have their block
  PrefixId prefix = 0;
  for (std::size_t i = 0; i < most; ++i) {
    const auto found = prefixes_.find(prefix, ids.subspan(i * block_tokens, block_tokens));
    if (!found) break;
    prefix = found->prefix;
    table.entries[i] = found->block.value;
    whole = found->block.value >= 0 ? whole + 1 : 0;
    const std::size_t next = i + 1;
    if (whole < next - first_seen_block(next * block_tokens)) continue;
    hit = next;
    table.prefix = prefix;
  }
  table.begin = hit == 0 ? 0 : first_seen_block(hit * block_tokens);
  table.end = hit;
  table.recorded = hit;
  std::fill(table.entries.begin(), table.entries.begin() + static_cast<std::ptrdiff_t>(table.begin),
            -1);
  std::fill(table.entries.begin() + static_cast<std::ptrdiff_t>(hit), table.entries.end(), -1);
  for (std::size_t i = table.begin; i < hit; ++i) share(table.entries[i]);
  return hit * block_tokens;
}

void BlockManager::give_back_unseen(BlockTable& table, std::size_t begin) {
  const std::size_t seen = std::min(first_seen_block(begin), table.end);
  for (; table.begin < seen; ++table.begin) {
    std::int32_t& entry = table.entries[table.begin];
    give_back(entry);
    entry = -1;
  }
}

bool BlockManager::advance(BlockTable& table, std::size_t begin, std::size_t end, BlockCopy& copy) {
  const std::size_t block_tokens = shape_.block_tokens;
  CHECK(begin < end && end <= table.entries.size() * block_tokens, "a step lies within the table");
  CHECK(begin <= table.end * block_tokens, "steps leave no gap");
  copy = {};
  give_back_unseen(table, begin);
  const std::size_t wanted = (end + block_tokens - 1) / block_tokens;
  const std::size_t missing = wanted - std::min(wanted, table.end);
  const std::size_t first = begin / block_tokens;
  const bool shared = begin % block_tokens != 0 && references(block_id(table.entries[first])) > 1;
  if (missing + (shared ? 1 : 0) > available()) return false;
  if (shared) {
    std::int32_t& entry = table.entries[first];
    copy = {.from = block_id(entry), .to = take()};
    give_back(entry);
    entry = copy.to.value;
  }
  for (; table.end < wanted; ++table.end) table.entries[table.end] = take().value;
  return true;
}

void BlockManager::record(std::span<const TokenId> ids, std::size_t computed, BlockTable& table) {
  const std::size_t block_tokens = shape_.block_tokens;
  for (; (table.recorded + 1) * block_tokens <= computed; ++table.recorded) {
    const std::int32_t block = table.entries[table.recorded];
    const PrefixCache::Recorded recorded = prefixes_.record(
        table.prefix, ids.subspan(table.recorded * block_tokens, block_tokens), block_id(block));
    table.prefix = recorded.prefix;
    const std::int32_t displaced = recorded.displaced.value;
    if (displaced >= 0 && cached_.contains(displaced)) {
      cached_.remove(displaced);
      free_.push_back(displaced);
    }
  }
}

void BlockManager::fork(const BlockTable& from, BlockTable& to) {
  CHECK(to.end == 0 && to.entries.size() == from.entries.size(), "an empty table of the same size");
  std::ranges::copy(from.entries, to.entries.begin());
  to.begin = from.begin;
  to.end = from.end;
  to.prefix = from.prefix;
  to.recorded = from.recorded;
  for (std::size_t i = to.begin; i < to.end; ++i) share(to.entries[i]);
}

void BlockManager::release(BlockTable& table) {
  // From the end: what a later request shares first is evicted last.
  for (; table.end > table.begin; --table.end) give_back(table.entries[table.end - 1]);
  std::ranges::fill(table.entries, -1);
  table.begin = 0;
  table.end = 0;
  table.prefix = 0;
  table.recorded = 0;
}

}  // namespace bora
