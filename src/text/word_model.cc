#include "text/word_model.h"

#include "text/unicode.h"

#include <fmt/format.h>

namespace bora {
namespace {

Symbol make_symbol(std::size_t begin, std::size_t length, TokenId id) {
  Symbol symbol;
  symbol.begin = static_cast<std::uint32_t>(begin);
  symbol.length = static_cast<std::uint32_t>(length);
  symbol.id = id;
  return symbol;
}

// Cuts a word into the symbols of its characters, those the vocabulary lacks by policy.
class SymbolsOfCharacters {
 public:
  SymbolsOfCharacters(const Vocabulary& vocabulary, const UnknownPolicy& policy,
                      std::vector<Symbol>& symbols)
      : vocabulary_(vocabulary), policy_(policy), symbols_(symbols) {}

  void add(std::string_view word, std::size_t at, std::size_t length) {
    if (const auto id = vocabulary_.find(word.substr(at, length))) {
      flush();
      symbols_.push_back(make_symbol(at, length, *id));
    } else if (policy_.byte_ids) {
      for (std::size_t i = at; i < at + length; ++i) {
        const TokenId byte = (*policy_.byte_ids)[static_cast<unsigned char>(word[i])];
        symbols_.push_back(make_symbol(i, 1, byte));
      }
    } else if (policy_.unknown) {
      if (!policy_.fuse_unknown) flush();
      if (pending_.length == 0) pending_ = make_symbol(at, 0, *policy_.unknown);
      pending_.length += static_cast<std::uint32_t>(length);
    }
  }

  void flush() {
    if (pending_.length > 0) symbols_.push_back(pending_);
    pending_.length = 0;
  }

 private:
  const Vocabulary& vocabulary_;
  const UnknownPolicy& policy_;
  std::vector<Symbol>& symbols_;
  Symbol pending_;  // a run of unknown characters
};

}  // namespace

std::optional<std::array<TokenId, 256>> find_byte_pieces(const Vocabulary& vocabulary) {
  std::array<TokenId, 256> ids{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    const auto id = vocabulary.find(fmt::format("<0x{:02X}>", byte));
    if (!id) return std::nullopt;
    ids[byte] = *id;
  }
  return ids;
}

void MergeBpe::encode(const Vocabulary& vocabulary, std::string_view word, MergeScratch& scratch,
                      std::vector<TokenId>& ids) const {
  if (ignore_merges) {
    if (const auto whole = vocabulary.find(word)) {
      ids.push_back(*whole);
      return;
    }
  }
  scratch.symbols.clear();
  SymbolsOfCharacters cut(vocabulary, unknown, scratch.symbols);
  for (std::size_t at = 0; at < word.size();) {
    const std::size_t length = utf8_length(static_cast<unsigned char>(word[at]));
    cut.add(word, at, length);
    at += length;
  }
  cut.flush();
  merge_symbols(rules, scratch);
  for (const Symbol& symbol : scratch.symbols) {
    if (symbol.length > 0) ids.push_back(symbol.id);
  }
}

void PieceBpe::encode(const Vocabulary& vocabulary, std::string_view word, MergeScratch& scratch,
                      std::vector<TokenId>& ids) const {
  scratch.symbols.clear();
  const auto add_characters = [&](std::size_t begin, std::size_t end) {
    for (std::size_t at = begin; at < end;) {
      const std::size_t length = utf8_length(static_cast<unsigned char>(word[at]));
      const auto id = vocabulary.find(word.substr(at, length));
      scratch.symbols.push_back(make_symbol(at, length, id.value_or(Symbol::kNone)));
      at += length;
    }
  };
  if (user_defined.empty()) {
    add_characters(0, word.size());
  } else {
    for (const Fragment& fragment : user_defined.split(word, true)) {
      if (fragment.id == Fragment::kText) {
        add_characters(fragment.begin, fragment.end);
      } else {
        scratch.symbols.push_back(
            make_symbol(fragment.begin, fragment.end - fragment.begin, fragment.id));
        scratch.symbols.back().frozen = true;
      }
    }
  }
  merge_symbols(ranks, vocabulary, word, scratch);

  bool after_unknown = false;
  for (const Symbol& symbol : scratch.symbols) {
    if (symbol.length == 0) continue;
    const bool is_unknown = symbol.id == Symbol::kNone && !unknown.byte_ids;
    if (symbol.id != Symbol::kNone) {
      ids.push_back(symbol.id);
    } else if (unknown.byte_ids) {
      for (std::size_t i = symbol.begin; i < std::size_t{symbol.begin} + symbol.length; ++i) {
        ids.push_back((*unknown.byte_ids)[static_cast<unsigned char>(word[i])]);
      }
    } else if (unknown.unknown && !(after_unknown && unknown.fuse_unknown)) {
      ids.push_back(*unknown.unknown);
    }
    after_unknown = is_unknown;
  }
}

void BytePieceBpe::encode(const Vocabulary& vocabulary, std::string_view word,
                          MergeScratch& scratch, std::vector<TokenId>& ids) const {
  if (const auto whole = vocabulary.find(word)) {
    ids.push_back(*whole);
    return;
  }
  scratch.symbols.clear();
  for (std::size_t at = 0; at < word.size(); ++at) {
    scratch.symbols.push_back(make_symbol(at, 1, vocabulary.find(word.substr(at, 1)).value_or(0)));
  }
  merge_symbols(ranks, vocabulary, word, scratch);
  for (const Symbol& symbol : scratch.symbols) {
    if (symbol.length > 0) ids.push_back(symbol.id);
  }
}

}  // namespace bora
