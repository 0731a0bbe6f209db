#include "text/normalizer.h"

#include "tests/text/tokenizer_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bora {
namespace {

using testing::TokenizerJson;

// The text after the normalizer: with no merges and every byte a piece, the pieces joined are it.
std::string normalize(const std::string& normalizer_json, std::string_view text) {
  TokenizerJson json;
  json.normalizer = normalizer_json;
  json.merges = "[]";
  std::string vocab = "{";
  for (int byte = 0; byte < 256; ++byte) {
    char piece[32];
    std::snprintf(piece, sizeof piece, "%s\"<0x%02X>\": %d", byte == 0 ? "" : ", ", byte, byte);
    vocab += piece;
  }
  json.vocab = vocab + "}";
  json.options = R"("byte_fallback": true, )";
  json.decoder =
      R"({"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]})";
  const Tokenizer tokenizer = json.tokenizer();
  return *tokenizer.decode(*tokenizer.encode(text));
}

TEST(Normalizer, ComposesAndDecomposes) {
  EXPECT_EQ(normalize(R"({"type": "NFC"})", "e\u0301"), "\u00e9");
  EXPECT_EQ(normalize(R"({"type": "NFD"})", "\u00e9"), "e\u0301");
  EXPECT_EQ(normalize(R"({"type": "NFKC"})", "\ufb01\u00b2"), "fi2");
  EXPECT_EQ(normalize(R"({"type": "NFKD"})", "\ufb01\u00e9"), "fie\u0301");
  EXPECT_EQ(normalize(R"({"type": "NFC"})", "\u00ad\u200d"), "\u00ad\u200d");  // nothing is dropped
}

TEST(Normalizer, PrependsOnlyToText) {
  EXPECT_EQ(normalize(R"({"type": "Prepend", "prepend": "\u2581"})", "a"), "\u2581a");
  EXPECT_EQ(normalize(R"({"type": "Prepend", "prepend": "\u2581"})", ""), "");
}

TEST(Normalizer, ReplacesStringsAndRegexes) {
  EXPECT_EQ(normalize(R"({"type": "Replace", "pattern": {"String": " "}, "content": "__"})", " a "),
            "__a__");
  EXPECT_EQ(normalize(R"({"type": "Replace", "pattern": {"String": ""}, "content": "x"})", "ab"),
            "ab");
  EXPECT_EQ(normalize(R"({"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "-"})",
                      "a b   c    "),
            "a b-c-");
  EXPECT_EQ(normalize(R"({"type": "Replace", "pattern": {"Regex": "x*"}, "content": "-"})", "axb"),
            "-a--b-");
}

TEST(Normalizer, LowercasesBeyondAscii) {
  EXPECT_EQ(normalize(R"({"type": "Lowercase"})", "AbC\u00c9\u0416"), "abc\u00e9\u0436");
  EXPECT_EQ(normalize(R"({"type": "Lowercase"})", "\u0130"), "i\u0307");
}

TEST(Normalizer, StripsWhiteSpaceAndAccents) {
  EXPECT_EQ(normalize(R"({"type": "Strip"})", "\u00a0\t a b \n"), "a b");
  EXPECT_EQ(normalize(R"({"type": "Strip", "strip_left": false, "strip_right": true})", " a "),
            " a");
  EXPECT_EQ(normalize(R"({"type": "Strip"})", "   "), "");
  EXPECT_EQ(normalize(R"({"type": "Sequence", "normalizers":
                          [{"type": "NFD"}, {"type": "StripAccents"}]})",
                      "d\u00e9j\u00e0"),
            "deja");
}

TEST(Normalizer, NamesWhatItDoesNotKnow) {
  TokenizerJson json;
  json.normalizer = R"({"type": "Precompiled", "precompiled_charsmap": "AAAA"})";
  EXPECT_EQ(json.error(),
            "test: normalizer.type: expected a supported normalizer, found \"Precompiled\"");
}

TEST(ReplaceAll, ReplacesFromLeftToRightWithoutOverlap) {
  EXPECT_EQ(replace_all("aaa", "aa", "b"), "ba");
  EXPECT_EQ(replace_all("abc", "", "x"), "abc");
  EXPECT_EQ(replace_all("", "a", "x"), "");
}

}  // namespace
}  // namespace bora
