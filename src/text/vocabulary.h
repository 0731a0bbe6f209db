// Vocabulary: the pieces of a tokenizer, by id and by text.
//
// Owns the text of all pieces in one block and finds them through one open-addressing table, so a
// vocabulary of 128k pieces loads in milliseconds. Ids may have holes (a piece that was never
// added); the first of two pieces with one text is the one that find() gives; a piece added with
// add_hidden() has an id and a text but is not found by it, so no merge can make it. Filled once
// while loading, then read by any thread.
#pragma once

#include "base/ids.h"
#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bora {

// 64 bits that spread well; for the hash tables of this room.
std::uint64_t hash_text(std::string_view text);
std::uint64_t mix_bits(std::uint64_t bits);

class Vocabulary {
 public:
  // Ids reach up to here: above the largest published vocabularies, and small enough that a file
  // with one absurd id costs no memory to speak of.
  static constexpr TokenId kMaxId = (1 << 22) - 1;

  void reserve(std::size_t pieces, std::size_t bytes);

  // Errors (kBadModel): an id that is negative, above kMaxId or taken by another text; more than
  // 4 GiB of text.
  Result<void> add(std::int64_t id, std::string_view text);
  Result<void> add_hidden(std::int64_t id, std::string_view text);

  // One past the highest id.
  [[nodiscard]] std::size_t size() const { return pieces_.size(); }
  [[nodiscard]] std::size_t max_piece_bytes() const { return max_piece_bytes_; }

  [[nodiscard]] bool contains(TokenId id) const {
    return id >= 0 && static_cast<std::size_t>(id) < pieces_.size() &&
           pieces_[static_cast<std::size_t>(id)].offset != kHole;
  }

  // Empty where there is no such piece.
  [[nodiscard]] std::string_view piece(TokenId id) const {
    if (!contains(id)) return {};
    const Piece& piece = pieces_[static_cast<std::size_t>(id)];
    return std::string_view(text_).substr(piece.offset, piece.length);
  }

  [[nodiscard]] std::optional<TokenId> find(std::string_view text) const;

 private:
  static constexpr std::uint32_t kHole = 0xFFFFFFFF;
  struct Piece {
    std::uint32_t offset = kHole;
    std::uint32_t length = 0;
  };
  struct Slot {
    std::uint32_t tag = 0;  // the upper half of the hash
    TokenId id = -1;        // -1: free
  };

  Result<void> store(std::int64_t id, std::string_view text);
  void index(TokenId id);
  void grow(std::size_t slots);

  std::string text_;
  std::vector<Piece> pieces_;
  std::vector<Slot> slots_;  // a power of two, at most half full
  std::size_t used_ = 0;
  std::size_t max_piece_bytes_ = 0;
};

}  // namespace bora
