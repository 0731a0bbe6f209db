#include "api/draft_vocabulary.h"

#include "base/printable.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace bora {
namespace {

// Tokenizers of different files may write the same token in another way ("▁a", " a").
bool is_same_text(const Tokenizer& a, const Tokenizer& b, TokenId id) {
  if (a.piece(id) == b.piece(id)) return true;
  const std::array ids = {id};
  const Result<std::string> text = a.decode(ids, {.skip_special = false});
  const Result<std::string> other = b.decode(ids, {.skip_special = false});
  return text && other && *text == *other;
}

Error mismatch(const Vocabulary& model, const Vocabulary& draft, const std::string& expected,
               const std::string& found) {
  return {ErrorCode::kUsage,
          fmt::format("draft model {}: expected the vocabulary of {}, {}, found {}",
                      printable(draft.model), printable(model.model), expected, found),
          {"a smaller model of the same family has the same vocabulary"}};
}

}  // namespace

Result<void> check_draft_vocabulary(const Vocabulary& model, const Vocabulary& draft) {
  if (!model.tokenizer || !draft.tokenizer) {
    if (model.size == draft.size) return {};
    return mismatch(model, draft, fmt::format("{} tokens", model.size), std::to_string(draft.size));
  }
  const Tokenizer& expected = *model.tokenizer;
  const Tokenizer& found = *draft.tokenizer;
  const std::size_t common = std::min(expected.vocab_size(), found.vocab_size());
  for (std::size_t i = 0; i < common; ++i) {
    const auto id = static_cast<TokenId>(i);
    if (!expected.contains(id) || !found.contains(id)) continue;
    if (expected.is_special(id) || found.is_special(id)) continue;
    if (is_same_text(expected, found, id)) continue;
    return mismatch(model, draft, fmt::format("where id {} is {}", i, quoted(expected.piece(id))),
                    quoted(found.piece(id)));
  }
  return {};
}

}  // namespace bora
