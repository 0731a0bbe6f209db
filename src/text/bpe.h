// Byte pair encoding: a word is cut into symbols, and the best adjacent pair is merged until no
// pair can be. Two ways of saying which pair is best:
//
//   MergeRules   a list of merges "a b", the earlier the better (tokenizer.json, GGUF kind gpt2);
//   PieceRanks   any two symbols whose joined text is a piece may merge, the piece with the least
//                rank first (SentencePiece by score, tiktoken and tekken by id).
//
// Ties go to the leftmost pair. A heap of candidate pairs keeps a word of n symbols at O(n log n).
// Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units" (2016).
// Everything here is immutable after loading and may be used by any thread.
#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "text/vocabulary.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace bora {

struct Symbol {
  static constexpr std::int32_t kNone = -1;
  std::uint32_t begin = 0;   // in the word
  std::uint32_t length = 0;  // 0: merged into its left neighbour
  TokenId id = kNone;        // kNone: not a piece of the vocabulary (so far)
  std::int32_t previous = kNone;
  std::int32_t next = kNone;
  bool frozen = false;  // never merges
};

struct Merge {
  std::uint32_t rank = 0;  // the least is the best
  TokenId id = 0;          // what the pair becomes
};

// (left id, right id) -> Merge.
class MergeRules {
 public:
  void reserve(std::size_t merges);
  // A repeated pair takes the later rank, as the tokenizers library does.
  void add(TokenId left, TokenId right, Merge merge);
  [[nodiscard]] std::optional<Merge> find(TokenId left, TokenId right) const;
  [[nodiscard]] std::size_t size() const { return used_; }

 private:
  static constexpr std::uint64_t kFree = ~std::uint64_t{0};
  struct Slot {
    std::uint64_t pair = kFree;
    Merge merge;
  };
  void grow(std::size_t slots);
  Slot& slot_of(std::uint64_t pair);

  std::vector<Slot> slots_;  // a power of two, at most half full
  std::size_t used_ = 0;
};

// Rank by id; kUnmergeable for pieces that no merge may make.
struct PieceRanks {
  static constexpr std::uint32_t kUnmergeable = 0xFFFFFFFF;
  std::vector<std::uint32_t> rank;
};

// Working memory of the merging, kept between words.
struct MergeScratch {
  struct Candidate {
    std::uint64_t order = 0;   // rank, then position
    std::uint32_t length = 0;  // of the merged symbol: tells a stale candidate
    TokenId id = 0;
  };
  std::vector<Symbol> symbols;
  std::vector<Candidate> heap;
};

// Merges scratch.symbols (in order; links are set here). Afterwards the symbols with length > 0 are
// the result, in order.
void merge_symbols(const MergeRules& rules, MergeScratch& scratch);
void merge_symbols(const PieceRanks& ranks, const Vocabulary& vocabulary, std::string_view word,
                   MergeScratch& scratch);

}  // namespace bora
