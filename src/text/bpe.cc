#include "text/bpe.h"

#include <algorithm>
#include <bit>

namespace bora {
namespace {

constexpr std::size_t kLeastSlots = 64;

std::uint64_t pair_key(TokenId left, TokenId right) {
  return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32) |
         static_cast<std::uint32_t>(right);
}

// `find(left, right)` gives the Merge of two symbols, if they may merge.
template <class Find>
class Merger {
 public:
  Merger(MergeScratch& scratch, Find find)
      : symbols_(scratch.symbols), heap_(scratch.heap), find_(find) {}

  void run() {
    heap_.clear();
    link();
    while (!heap_.empty()) {
      std::pop_heap(heap_.begin(), heap_.end(), worse);
      const MergeScratch::Candidate best = heap_.back();
      heap_.pop_back();
      const auto left = static_cast<std::int32_t>(best.order & 0xFFFFFFFF);
      if (is_current(left, best.length)) apply(left, best.id);
    }
  }

 private:
  using Candidate = MergeScratch::Candidate;

  static bool worse(const Candidate& a, const Candidate& b) { return a.order > b.order; }

  Symbol& at(std::int32_t index) { return symbols_[static_cast<std::size_t>(index)]; }

  void link() {
    const auto count = static_cast<std::int32_t>(symbols_.size());
    for (std::int32_t i = 0; i < count; ++i) {
      at(i).previous = i - 1;
      at(i).next = i + 1 < count ? i + 1 : Symbol::kNone;
    }
    for (std::int32_t i = 0; i + 1 < count; ++i) collect(i);
    std::make_heap(heap_.begin(), heap_.end(), worse);
  }

  // Symbols only ever grow to the right, so a candidate whose symbol still starts here and whose
  // pair still has this length is about the very same two symbols.
  bool is_current(std::int32_t left, std::uint32_t length) {
    const Symbol& symbol = at(left);
    return symbol.length > 0 && symbol.next != Symbol::kNone &&
           symbol.length + at(symbol.next).length == length;
  }

  void apply(std::int32_t left, TokenId id) {
    Symbol& symbol = at(left);
    Symbol& right = at(symbol.next);
    symbol.length += right.length;
    symbol.id = id;
    right.length = 0;
    symbol.next = right.next;
    if (right.next != Symbol::kNone) at(right.next).previous = left;
    if (symbol.next != Symbol::kNone && collect(left)) sift();
    if (symbol.previous != Symbol::kNone && collect(symbol.previous)) sift();
  }

  void sift() { std::push_heap(heap_.begin(), heap_.end(), worse); }

  // Appends the candidate (left, its right neighbour) where the two may merge.
  bool collect(std::int32_t left) {
    const Symbol& a = at(left);
    const Symbol& b = at(a.next);
    if (a.frozen || b.frozen) return false;
    const std::optional<Merge> merge = find_(a, b);
    if (!merge) return false;
    const auto order =
        (static_cast<std::uint64_t>(merge->rank) << 32) | static_cast<std::uint32_t>(left);
    heap_.push_back({order, a.length + b.length, merge->id});
    return true;
  }

  std::vector<Symbol>& symbols_;
  std::vector<Candidate>& heap_;
  Find find_;
};

}  // namespace

void MergeRules::reserve(std::size_t merges) { grow(std::bit_ceil(2 * merges + 1)); }

void MergeRules::add(TokenId left, TokenId right, Merge merge) {
  if (2 * (used_ + 1) > slots_.size()) grow(std::max(kLeastSlots, 2 * slots_.size()));
  Slot& slot = slot_of(pair_key(left, right));
  if (slot.pair == kFree) ++used_;
  slot = {pair_key(left, right), merge};
}

std::optional<Merge> MergeRules::find(TokenId left, TokenId right) const {
  if (slots_.empty() || left < 0 || right < 0) return std::nullopt;
  const std::uint64_t pair = pair_key(left, right);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t i = mix_bits(pair) & mask; slots_[i].pair != kFree; i = (i + 1) & mask) {
    if (slots_[i].pair == pair) return slots_[i].merge;
  }
  return std::nullopt;
}

MergeRules::Slot& MergeRules::slot_of(std::uint64_t pair) {
  const std::size_t mask = slots_.size() - 1;
  std::size_t i = mix_bits(pair) & mask;
  while (slots_[i].pair != kFree && slots_[i].pair != pair) i = (i + 1) & mask;
  return slots_[i];
}

void MergeRules::grow(std::size_t slots) {
  if (slots <= slots_.size()) return;
  std::vector<Slot> old(slots);
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.pair != kFree) slot_of(slot.pair) = slot;
  }
}

void merge_symbols(const MergeRules& rules, MergeScratch& scratch) {
  const auto find = [&](const Symbol& a, const Symbol& b) { return rules.find(a.id, b.id); };
  Merger(scratch, find).run();
}

void merge_symbols(const PieceRanks& ranks, const Vocabulary& vocabulary, std::string_view word,
                   MergeScratch& scratch) {
  const auto find = [&](const Symbol& a, const Symbol& b) -> std::optional<Merge> {
    const std::size_t length = std::size_t{a.length} + b.length;
    if (length > vocabulary.max_piece_bytes()) return std::nullopt;
    const std::optional<TokenId> id = vocabulary.find(word.substr(a.begin, length));
    if (!id) return std::nullopt;
    const std::uint32_t rank = ranks.rank[static_cast<std::size_t>(*id)];
    if (rank == PieceRanks::kUnmergeable) return std::nullopt;
    return Merge{rank, *id};
  };
  Merger(scratch, find).run();
}

}  // namespace bora
