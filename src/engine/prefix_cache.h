// PrefixCache: which block of the KV arena holds the keys and values of which prefix.
//
// A key or value depends on all tokens up to its own, so a block is known by its tokens and by the
// prefix before them. Prefixes are numbered: an entry is found by the hash of (number of the prefix
// before it, tokens), a chain of hashes over blocks (the prefix caching of vLLM,
// https://arxiv.org/abs/2309.06180), and compared in full, so that a collision never hands out
// another text's keys. An entry outlives its block's memory: with a sliding window the blocks that
// follow may still be whole.
//
// It counts no references: BlockManager decides what a block is used for. When all entries are
// taken the one not looked at for longest goes. Allocates in its constructor only. Owner: the
// engine's thread.
#pragma once

#include "base/ids.h"
#include "engine/lru_list.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace bora {

// The number of a prefix that fills whole blocks. 0: the empty one. Never given out twice.
using PrefixId = std::uint64_t;

class PrefixCache {
 public:
  // `capacity`: entries kept, at least one a block.
  PrefixCache(std::size_t capacity, std::size_t num_blocks, std::size_t block_tokens);

  struct Entry {
    PrefixId prefix = 0;  // with the tokens of this entry
    BlockId block;        // that holds its last positions; -1: none does any more
  };

  // The prefix `before` and the next `tokens` [block_tokens]; nullopt: not known.
  std::optional<Entry> find(PrefixId before, std::span<const TokenId> tokens);

  struct Recorded {
    PrefixId prefix = 0;
    BlockId displaced;  // a block whose entry went to make room; -1: none
  };

  // `block` holds the positions of `tokens` after `before`. Where the prefix is known and has a
  // block already, that one stays.
  Recorded record(PrefixId before, std::span<const TokenId> tokens, BlockId block);

  // The block is about to hold something else.
  void forget(BlockId block);

  [[nodiscard]] bool holds(BlockId block) const {
    return entry_of_block_[static_cast<std::size_t>(block.value)] >= 0;
  }

 private:
  struct Node {
    PrefixId before = 0;
    PrefixId prefix = 0;  // 0: the entry is unused
    BlockId block;
    std::int32_t next = -1;  // in its bucket
  };

  [[nodiscard]] std::size_t bucket_of(PrefixId before, std::span<const TokenId> tokens) const;
  [[nodiscard]] std::span<TokenId> tokens_of(std::int32_t entry);
  [[nodiscard]] std::int32_t lookup(PrefixId before, std::span<const TokenId> tokens);
  void unlink(std::int32_t entry);

  std::size_t block_tokens_;
  PrefixId last_prefix_ = 0;
  std::vector<Node> nodes_;
  std::vector<TokenId> tokens_;        // [capacity, block_tokens]
  std::vector<std::int32_t> buckets_;  // first entry of each, -1: empty; a power of two of them
  std::vector<std::int32_t> entry_of_block_;
  LruList recency_;  // of all entries
};

}  // namespace bora
