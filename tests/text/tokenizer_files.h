// Small tokenizer files for tests, as text.
#pragma once

#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bora::testing {

inline Result<Tokenizer> parse_tokenizer(std::string_view bytes, const std::string& name = "test") {
  return Tokenizer::parse(std::as_bytes(std::span(bytes.data(), bytes.size())), name);
}

// The parts of a tokenizer.json; each is JSON as it stands. The vocabulary has the letters a to f,
// the space mark and some pieces made of them.
struct TokenizerJson {
  std::string added_tokens = "[]";
  std::string normalizer = "null";
  std::string pre_tokenizer = "null";
  std::string post_processor = "null";
  std::string decoder = R"({"type": "Fuse"})";
  std::string options{};  // of the model, each with a comma behind it
  std::string vocab =
      R"({"<unk>": 0, "a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6, "\u2581": 7, " ": 8,
          "ab": 9, "abc": 10, "\u2581a": 11, "de": 12, "1": 13, "2": 14, ".": 15, "A": 16,
          "\u00e9": 17, "\u0301": 18, "-": 19, "\u0120": 20, "\u0120a": 21})";
  std::string merges = R"(["a b", ["ab", "c"], "\u2581 a", "d e", "\u0120 a"])";

  [[nodiscard]] std::string text() const {
    return R"({"version": "1.0", "added_tokens": )" + added_tokens + R"(, "normalizer": )" +
           normalizer + R"(, "pre_tokenizer": )" + pre_tokenizer + R"(, "post_processor": )" +
           post_processor + R"(, "decoder": )" + decoder + R"(, "model": {"type": "BPE", )" +
           options + R"("vocab": )" + vocab + R"(, "merges": )" + merges + "}}";
  }

  [[nodiscard]] Tokenizer tokenizer() const {
    auto tokenizer = parse_tokenizer(text());
    CHECK(tokenizer.has_value(), tokenizer.error().message);
    return std::move(tokenizer).value();
  }

  [[nodiscard]] std::string error() const {
    const auto tokenizer = parse_tokenizer(text());
    return tokenizer ? "" : tokenizer.error().message;
  }
};

// What the pieces of an encoded text are.
inline std::vector<std::string> pieces_of(const Tokenizer& tokenizer, std::string_view text,
                                          const EncodeOptions& options = {}) {
  const auto ids = tokenizer.encode(text, options);
  CHECK(ids.has_value(), ids.error().message);
  std::vector<std::string> pieces;
  for (const TokenId id : *ids) pieces.emplace_back(tokenizer.piece(id));
  return pieces;
}

}  // namespace bora::testing
