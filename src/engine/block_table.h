// BlockTable: which block of the KV arena holds which positions of the one running sequence.
//
// Blocks are taken when positions are first stored and, with a sliding window, given back once no
// later query sees any of their positions, so that a sequence never holds more than
// kv_blocks_needed() (plan/kv_blocks.h). Owner: the engine's thread. Allocates in its constructor
// only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace bora {

class BlockTable {
 public:
  // A table over blocks 0 to num_blocks - 1, all free.
  BlockTable(std::size_t num_blocks, std::size_t context, std::size_t window,
             std::size_t block_tokens);

  // Frees everything: the next sequence begins.
  void clear();

  // Prepares a step over positions [begin, end): frees the blocks that queries from `begin` on do
  // not see, takes those that are missing. Steps come in ascending order. CHECKs that a block is
  // left.
  void advance(std::size_t begin, std::size_t end);

  // Where a position prepared by advance() is stored.
  [[nodiscard]] std::int64_t slot(std::size_t position) const;
  // [blocks of the context], -1 where the sequence holds none.
  [[nodiscard]] std::span<const std::int32_t> entries() const { return entries_; }
  [[nodiscard]] std::size_t blocks_in_use() const { return num_blocks_ - free_.size(); }

 private:
  std::size_t num_blocks_;
  std::size_t window_;
  std::size_t block_tokens_;
  std::size_t first_held_ = 0;  // entries before it have been freed
  std::vector<std::int32_t> entries_;
  std::vector<std::int32_t> free_;
};

}  // namespace bora
