#include "engine/prefix_cache.h"

#include "base/check.h"

#include <algorithm>
#include <bit>

namespace bora {
namespace {

// A round of splitmix64's finalizer: every bit of the state changes every bit of the result.
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31);
}

}  // namespace

PrefixCache::PrefixCache(std::size_t capacity, std::size_t num_blocks, std::size_t block_tokens)
    : block_tokens_(block_tokens),
      nodes_(capacity),
      tokens_(capacity * block_tokens),
      buckets_(std::bit_ceil(capacity + 1), -1),
      entry_of_block_(num_blocks, -1),
      recency_(capacity) {
  CHECK(capacity >= num_blocks, "an entry for each block");
  for (std::size_t i = 0; i < capacity; ++i) recency_.push_back(static_cast<std::int32_t>(i));
}

std::size_t PrefixCache::bucket_of(PrefixId before, std::span<const TokenId> tokens) const {
  std::uint64_t hash = mix(before + 1);
  for (const TokenId token : tokens) hash = mix(hash + static_cast<std::uint32_t>(token));
  return hash & (buckets_.size() - 1);
}

std::span<TokenId> PrefixCache::tokens_of(std::int32_t entry) {
  return {tokens_.data() + static_cast<std::size_t>(entry) * block_tokens_, block_tokens_};
}

std::int32_t PrefixCache::lookup(PrefixId before, std::span<const TokenId> tokens) {
  CHECK(tokens.size() == block_tokens_, "prefixes are kept block by block");
  std::int32_t entry = buckets_[bucket_of(before, tokens)];
  while (entry >= 0) {
    const Node& node = nodes_[static_cast<std::size_t>(entry)];
    if (node.before == before && std::ranges::equal(tokens_of(entry), tokens)) break;
    entry = node.next;
  }
  return entry;
}

std::optional<PrefixCache::Entry> PrefixCache::find(PrefixId before,
                                                    std::span<const TokenId> tokens) {
  const std::int32_t entry = lookup(before, tokens);
  if (entry < 0) return std::nullopt;
  recency_.move_to_back(entry);
  const Node& node = nodes_[static_cast<std::size_t>(entry)];
  return Entry{node.prefix, node.block};
}

PrefixCache::Recorded PrefixCache::record(PrefixId before, std::span<const TokenId> tokens,
                                          BlockId block) {
  CHECK(!holds(block), "a block holds one prefix");
  Recorded recorded;
  std::int32_t entry = lookup(before, tokens);
  if (entry < 0) {
    entry = recency_.front();
    Node& node = nodes_[static_cast<std::size_t>(entry)];
    if (node.prefix != 0) unlink(entry);
    recorded.displaced = node.block;
    if (node.block.value >= 0) forget(node.block);
    const std::size_t bucket = bucket_of(before, tokens);
    node = {.before = before, .prefix = ++last_prefix_, .block = {}, .next = buckets_[bucket]};
    buckets_[bucket] = entry;
    std::ranges::copy(tokens, tokens_of(entry).begin());
  }
  recency_.move_to_back(entry);
  Node& node = nodes_[static_cast<std::size_t>(entry)];
  recorded.prefix = node.prefix;
  if (node.block.value < 0) {
    node.block = block;
    entry_of_block_[static_cast<std::size_t>(block.value)] = entry;
  }
  return recorded;
}

void PrefixCache::forget(BlockId block) {
  std::int32_t& entry = entry_of_block_[static_cast<std::size_t>(block.value)];
  if (entry < 0) return;
  nodes_[static_cast<std::size_t>(entry)].block = {};
  entry = -1;
}

void PrefixCache::unlink(std::int32_t entry) {
  const Node& node = nodes_[static_cast<std::size_t>(entry)];
  std::int32_t* link = &buckets_[bucket_of(node.before, tokens_of(entry))];
  while (*link != entry) link = &nodes_[static_cast<std::size_t>(*link)].next;
  *link = node.next;
}

}  // namespace bora
