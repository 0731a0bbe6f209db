#include "text/tokenizer_parts.h"

#include <utility>

namespace bora {

void TokenizerParts::mark_special(TokenId id) {
  const auto place = static_cast<std::size_t>(id);
  if (place >= special.size()) special.resize(place + 1);
  special[place] = true;
}

Result<void> TokenizerParts::add_token(const AddedToken& token) {
  if (auto done = vocabulary.add_hidden(token.id, token.content); !done) return done;
  added_.emplace_back(token.content, token.id);
  if (token.special) mark_special(token.id);
  if (!token.normalized || normalizer.is_identity()) {
    raw_tokens.add(token, token.content);
    return {};
  }
  auto content = normalizer.apply(token.content);
  if (!content) return std::move(content).error();
  normalized_tokens.add(token, *content);
  return {};
}

void TokenizerParts::cut_before_words() {
  constexpr std::string_view kMark = "\u2581";
  if (!vocabulary.find(kMark)) return;  // unknown characters could be fused across the cut
  const auto count = static_cast<TokenId>(vocabulary.size());
  for (TokenId id = 0; id < count; ++id) {
    const std::string_view piece = vocabulary.piece(id);
    std::size_t after_mark = 0;
    for (std::size_t at = piece.find(kMark); at != std::string_view::npos;
         at = piece.find(kMark, after_mark)) {
      if (at > after_mark) return;
      after_mark = at + kMark.size();
    }
  }
  pre_tokenizer.add(CutBeforeMark{std::string(kMark)});
}

std::optional<TokenId> TokenizerParts::find_token(std::string_view text) const {
  for (const auto& [content, id] : added_) {
    if (content == text) return id;
  }
  return vocabulary.find(text);
}

void TokenizerParts::take_names(const TokenizerConfig& config) {
  const auto take = [&](const std::optional<std::string>& text, std::optional<TokenId>& id) {
    if (!text) return;
    if (const auto found = find_token(*text)) id = found;
  };
  take(config.bos_token, bos);
  take(config.eos_token, eos);
  take(config.unk_token, unk);
  take(config.pad_token, pad);
  if (config.chat_template) chat_template = config.chat_template;
}

}  // namespace bora
