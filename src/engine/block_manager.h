// BlockManager: which block of the KV arena belongs to whom. It owns the block ids, not the memory.
//
// A block is free, or used by one sequence or several (a shared prefix, forks), or cached: nobody
// uses it, but it holds a prefix that a later request may begin with. A block is taken when one of
// its positions is first stored and, with a sliding window, given back once no later query sees any
// of them, so that a sequence never holds more than kv_blocks_needed() (plan/kv_blocks.h). Free
// blocks are taken first, then the cached ones that were given back longest ago. A full block is
// never written again; one that several sequences share and that is not full is copied before the
// first of them writes to it.
//
// Allocates in its constructor only. Owner: the engine's thread.
#pragma once

#include "base/ids.h"
#include "engine/lru_list.h"
#include "engine/prefix_cache.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace bora {

// The blocks of one sequence. Only BlockManager changes it.
struct BlockTable {
  // For a sequence of up to `positions` positions.
  BlockTable(std::size_t positions, std::size_t block_tokens)
      : entries((positions + block_tokens - 1) / block_tokens, -1) {}

  std::vector<std::int32_t> entries;  // block of positions [i * block_tokens, ..); -1: none
  std::size_t begin = 0;              // entries before it have been given back
  std::size_t end = 0;                // entries from it on hold none yet
  PrefixId prefix = 0;                // of the first `recorded` blocks
  std::size_t recorded = 0;           // blocks that the prefix cache knows
};

// Where a position is stored; its block is held.
std::int64_t slot_of(const BlockTable& table, std::size_t position, std::size_t block_tokens);

// The keys and values of one block become those of another.
struct BlockCopy {
  BlockId from;
  BlockId to;  // -1: no copy
};

class BlockManager {
 public:
  struct Shape {
    std::size_t num_blocks = 0;
    std::size_t block_tokens = 0;
    std::size_t window = 0;          // positions a query sees; 0: all
    std::size_t prefix_entries = 0;  // of the prefix cache, at least num_blocks
  };
  explicit BlockManager(const Shape& shape);

  [[nodiscard]] const Shape& shape() const { return shape_; }
  // Blocks that a sequence may take: free or cached.
  [[nodiscard]] std::size_t available() const { return free_.size() + cached_.size(); }
  // Sequences that use the block.
  [[nodiscard]] std::size_t references(BlockId block) const;

  // Gives an empty table the cached blocks that `ids` begin with. Returns the positions they hold,
  // fewer than ids.size(): the last token is computed for its logits.
  std::size_t take_prefix(std::span<const TokenId> ids, BlockTable& table);

  // Prepares a step over positions [begin, end): gives back the blocks that queries from `begin` on
  // do not see and takes those that are missing. Steps come in ascending order. `copy`: to be done
  // before the step. False: too few are available, and nothing was taken.
  [[nodiscard]] bool advance(BlockTable& table, std::size_t begin, std::size_t end,
                             BlockCopy& copy);

  // Positions [0, computed) of `ids` are stored: full blocks become known to the prefix cache.
  void record(std::span<const TokenId> ids, std::size_t computed, BlockTable& table);

  // An empty table shares all that `from` holds.
  void fork(const BlockTable& from, BlockTable& to);

  // Gives everything back.
  void release(BlockTable& table);

 private:
  BlockId take();
  void share(std::int32_t block);
  void give_back(std::int32_t block);
  void give_back_unseen(BlockTable& table, std::size_t begin);
  [[nodiscard]] std::size_t first_seen_block(std::size_t position) const;

  Shape shape_;
  std::vector<std::uint32_t> references_;
  std::vector<std::int32_t> free_;  // taken from the back
  LruList cached_;                  // used by nobody, known to prefixes_
  PrefixCache prefixes_;
};

}  // namespace bora
