#include "text/vocabulary.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>

namespace bora {
namespace {

constexpr std::size_t kLeastSlots = 64;

}  // namespace

// The finalizer of MurmurHash3 (public domain).
std::uint64_t mix_bits(std::uint64_t bits) {
  bits ^= bits >> 33;
  bits *= 0xFF51AFD7ED558CCDULL;
  bits ^= bits >> 33;
  bits *= 0xC4CEB9FE1A85EC53ULL;
  return bits ^ (bits >> 33);
}

std::uint64_t hash_text(std::string_view text) {
  std::uint64_t hash = text.size();
  while (text.size() >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data(), 8);
    hash = mix_bits(hash ^ word);
    text.remove_prefix(8);
  }
  std::uint64_t tail = 0;
  if (!text.empty()) std::memcpy(&tail, text.data(), text.size());
  return mix_bits(hash * 0x9E3779B97F4A7C15ULL ^ tail);
}

void Vocabulary::reserve(std::size_t pieces, std::size_t bytes) {
  pieces_.reserve(pieces);
  text_.reserve(bytes);
  grow(std::bit_ceil(2 * pieces + 1));
}

Result<void> Vocabulary::add(std::int64_t id, std::string_view text) {
  const bool is_new = id < 0 || id > kMaxId || !contains(static_cast<TokenId>(id));
  if (auto stored = store(id, text); !stored || !is_new) return stored;
  max_piece_bytes_ = std::max(max_piece_bytes_, text.size());
  if (2 * (used_ + 1) > slots_.size()) grow(std::max(kLeastSlots, 2 * slots_.size()));
  index(static_cast<TokenId>(id));
  return {};
}

Result<void> Vocabulary::add_hidden(std::int64_t id, std::string_view text) {
  return store(id, text);
}

Result<void> Vocabulary::store(std::int64_t id, std::string_view text) {
  if (id < 0 || id > kMaxId) {
    return Error{
        ErrorCode::kBadModel, fmt::format("token id: expected 0..{}, found {}", kMaxId, id), {}};
  }
  const auto place = static_cast<std::size_t>(id);
  if (contains(static_cast<TokenId>(id))) {
    if (piece(static_cast<TokenId>(id)) == text) return {};
    return Error{
        ErrorCode::kBadModel, fmt::format("token id {}: expected one piece, found two", id), {}};
  }
  if (text_.size() + text.size() >= kHole) {
    return Error{
        ErrorCode::kBadModel, "vocabulary: expected at most 4 GiB of text, found more", {}};
  }
  if (place >= pieces_.size()) pieces_.resize(place + 1);
  pieces_[place] = {static_cast<std::uint32_t>(text_.size()),
                    static_cast<std::uint32_t>(text.size())};
  text_ += text;
  return {};
}

std::optional<TokenId> Vocabulary::find(std::string_view text) const {
  if (slots_.empty()) return std::nullopt;
  const std::uint64_t hash = hash_text(text);
  const std::size_t mask = slots_.size() - 1;
  const auto tag = static_cast<std::uint32_t>(hash >> 32);
  for (std::size_t i = hash & mask; slots_[i].id >= 0; i = (i + 1) & mask) {
    if (slots_[i].tag == tag && piece(slots_[i].id) == text) return slots_[i].id;
  }
  return std::nullopt;
}

void Vocabulary::index(TokenId id) {
  const std::string_view text = piece(id);
  const std::uint64_t hash = hash_text(text);
  const std::size_t mask = slots_.size() - 1;
  const auto tag = static_cast<std::uint32_t>(hash >> 32);
  std::size_t i = hash & mask;
  for (; slots_[i].id >= 0; i = (i + 1) & mask) {
    if (slots_[i].tag == tag && piece(slots_[i].id) == text) return;  // the first one stays
  }
  slots_[i] = {tag, id};
  ++used_;
}

void Vocabulary::grow(std::size_t slots) {
  if (slots <= slots_.size()) return;
  std::vector<Slot> old(slots);
  old.swap(slots_);
  used_ = 0;
  for (const Slot& slot : old) {
    if (slot.id >= 0) index(slot.id);
  }
}

}  // namespace bora
