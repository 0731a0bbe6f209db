// Goldens of tokenizers: texts and their ids, id lists and their texts.
#include "evaluate/verify.h"
#include "evaluate/verify_check.h"

#include <fmt/format.h>

namespace bora {
namespace {

// `key` of the entry, where it is recorded, against the decoded ids.
Result<void> check_decoding(const Entry& entry, std::string_view key, const Tokenizer& tokenizer,
                            std::span<const TokenId> ids, bool skip_special, VerifyReport& report) {
  if (!entry.object.has(key)) return {};
  Result<std::string_view> expected = entry.object.get_string(key);
  if (!expected) return std::move(expected).error();
  Result<std::string> text = tokenizer.decode(ids, {.skip_special = skip_special});
  if (!text) return std::move(text).error();
  ++report.checked;
  if (*text != *expected) {
    fail(report, fmt::format("{}.{}: {}", entry.where, key, first_difference(*expected, *text)));
  }
  return {};
}

Result<void> check_both_decodings(const Entry& entry, const Tokenizer& tokenizer,
                                  std::span<const TokenId> ids, VerifyReport& report) {
  Result<void> checked = check_decoding(entry, "decoded", tokenizer, ids, true, report);
  if (!checked) return checked;
  return check_decoding(entry, "decoded_with_special", tokenizer, ids, false, report);
}

Result<void> check_encoding(const Entry& entry, const Tokenizer& tokenizer,
                            const EncodeOptions& options, VerifyReport& report) {
  Result<std::string_view> text = entry.object.get_string("text");
  if (!text) return std::move(text).error();
  Result<std::vector<TokenId>> expected = read_ids(entry.object, "ids");
  if (!expected) return std::move(expected).error();
  Result<std::vector<TokenId>> ids = tokenizer.encode(*text, options);
  if (!ids) return std::move(ids).error();
  ++report.checked;
  if (*ids != *expected) {
    fail(report, fmt::format("{}: {}", entry.where,
                             first_difference(std::span<const TokenId>(*expected), *ids)));
  }
  return check_both_decodings(entry, tokenizer, *expected, report);
}

Result<void> check_all(const JsonObject& root, const Tokenizer& tokenizer, VerifyReport& report) {
  Result<std::string_view> behaviour = root.get_string("behaviour", "");
  if (!behaviour) return std::move(behaviour).error();
  EncodeOptions options;
  if (behaviour->find("special tokens in text stay text") != std::string_view::npos) {
    options.parse_special = false;
  }
  Result<std::vector<Entry>> texts = read_entries(root, "encode");
  if (!texts) return std::move(texts).error();
  for (const Entry& entry : *texts) {
    Result<void> checked = check_encoding(entry, tokenizer, options, report);
    if (!checked) return checked;
  }
  if (!root.has("decode")) return {};
  Result<std::vector<Entry>> lists = read_entries(root, "decode");
  if (!lists) return std::move(lists).error();
  for (const Entry& entry : *lists) {
    Result<std::vector<TokenId>> ids = read_ids(entry.object, "ids");
    if (!ids) return std::move(ids).error();
    Result<void> checked = check_both_decodings(entry, tokenizer, *ids, report);
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
