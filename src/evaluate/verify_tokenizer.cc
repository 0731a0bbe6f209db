// Goldens of tokenizers: texts and their ids, id lists and their texts.
#include "evaluate/verify.h"
#include "evaluate/verify_check.h"

#include <fmt/format.h>

namespace bora {
namespace {

// How the recording program did what differs between programs.
struct Behaviour {
  EncodeOptions encode;
  // mistral_common shows special tokens of a SentencePiece model by not decoding at all: the pieces
  // as the vocabulary writes them, joined.
  bool special_shows_pieces = false;
};

Behaviour behaviour_of(std::string_view description) {
  Behaviour behaviour;
  if (description.find("special tokens in text stay text") != std::string_view::npos) {
    behaviour.encode.parse_special = false;
  }
  behaviour.special_shows_pieces = description.starts_with("mistral_common");
  return behaviour;
}

std::string joined_pieces(const Tokenizer& tokenizer, std::span<const TokenId> ids) {
  std::string text;
  for (const TokenId id : ids) text += tokenizer.piece(id);
  return text;
}

class TokenizerCheck {
 public:
  TokenizerCheck(const Tokenizer& tokenizer, const Behaviour& behaviour, VerifyReport& report)
      : tokenizer_(tokenizer), behaviour_(behaviour), report_(report) {}

  Result<void> encoding(const Entry& entry) {
    Result<std::string_view> text = entry.object.get_string("text");
    if (!text) return std::move(text).error();
    Result<std::vector<TokenId>> expected = read_ids(entry.object, "ids");
    if (!expected) return std::move(expected).error();
    const Result<std::vector<TokenId>> ids = tokenizer_.encode(*text, behaviour_.encode);
    ++report_.checked;
    if (!ids) {
      fail(report_, fmt::format("{}: {}", entry.where, ids.error().message));
    } else if (*ids != *expected) {
      fail(report_, fmt::format("{}: {}", entry.where,
                                first_difference(std::span<const TokenId>(*expected), *ids)));
    }
    return decodings(entry, *expected);
  }

  Result<void> decoding(const Entry& entry) {
    Result<std::vector<TokenId>> ids = read_ids(entry.object, "ids");
    if (!ids) return std::move(ids).error();
    return decodings(entry, *ids);
  }

 private:
  Result<void> decodings(const Entry& entry, std::span<const TokenId> ids) {
    Result<void> compared = compare(entry, "decoded", ids, true);
    if (!compared) return compared;
    return compare(entry, "decoded_with_special", ids, false);
  }

  // The text recorded under `key`, where there is one, against the decoded ids.
  Result<void> compare(const Entry& entry, std::string_view key, std::span<const TokenId> ids,
                       bool skip_special) {
    if (!entry.object.has(key)) return {};
    Result<std::string_view> expected = entry.object.get_string(key);
    if (!expected) return std::move(expected).error();
    const Result<std::string> text = tokenizer_.decode(ids, {.skip_special = skip_special});
    ++report_.checked;
    if (!text) {
      fail(report_, fmt::format("{}.{}: {}", entry.where, key, text.error().message));
      return {};
    }
    const bool pieces = !skip_special && behaviour_.special_shows_pieces;
    if (*text != *expected && !(pieces && joined_pieces(tokenizer_, ids) == *expected)) {
      fail(report_, fmt::format("{}.{}: {}", entry.where, key, first_difference(*expected, *text)));
    }
    return {};
  }

  const Tokenizer& tokenizer_;
  const Behaviour& behaviour_;
  VerifyReport& report_;
};

Result<void> check_all(const JsonObject& root, const Tokenizer& tokenizer, VerifyReport& report) {
  Result<std::string_view> description = root.get_string("behaviour", "");
  if (!description) return std::move(description).error();
  const Behaviour behaviour = behaviour_of(*description);
  TokenizerCheck check(tokenizer, behaviour, report);
  Result<std::vector<Entry>> texts = read_entries(root, "encode");
  if (!texts) return std::move(texts).error();
  for (const Entry& entry : *texts) {
    Result<void> checked = check.encoding(entry);
    if (!checked) return checked;
  }
  if (!root.has("decode")) return {};
  Result<std::vector<Entry>> lists = read_entries(root, "decode");
  if (!lists) return std::move(lists).error();
  for (const Entry& entry : *lists) {
    Result<void> checked = check.decoding(entry);
    if (!checked) return checked;
  }
  return {};
}

}  // namespace

Result<VerifyReport> verify_tokenizer(const Golden& golden, const Tokenizer& tokenizer) {
  CHECK(golden.kind() == Golden::Kind::kTokens, "a golden of a tokenizer");
  VerifyReport report;
  Result<void> checked = check_all(golden.root(), tokenizer, report);
  if (!checked) return std::move(checked).error().with_context(golden.name());
  return report;
}

}  // namespace bora
