#include "text/stream_decoder.h"

#include "tests/text/tokenizer_files.h"
#include "text/unicode.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <random>

namespace bora {
namespace {

Tokenizer byte_fallback_tokenizer() {
  auto tokenizer = Tokenizer::load(std::filesystem::path(BORA_TEST_DATA_DIR) / "tokenizers" /
                                   "tokenizer.model.v1");
  CHECK(tokenizer.has_value(), tokenizer.error().message);
  return std::move(tokenizer).value();
}

// All bytes as pieces of GPT-2's alphabet, and two special tokens.
Tokenizer byte_level_tokenizer() {
  std::string vocab = "{";
  for (int byte = 0; byte < 256; ++byte) {
    std::string piece;
    const bool prints = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte != 0xAD);
    static char32_t next = 0x100;
    append_utf8(piece, prints ? static_cast<char32_t>(byte) : next++);
    if (piece == "\"" || piece == "\\") piece.insert(0, "\\");
    vocab += (byte == 0 ? "\"" : ", \"") + piece + "\": " + std::to_string(byte);
  }
  testing::TokenizerJson json;
  json.vocab = vocab + "}";
  json.merges = "[]";
  json.decoder = R"({"type": "ByteLevel"})";
  json.added_tokens = R"([{"id": 256, "content": "<s>", "special": true},
                          {"id": 258, "content": "</s>", "special": true}])";
  return json.tokenizer();
}

std::string stream(const Tokenizer& tokenizer, const std::vector<TokenId>& ids,
                   const std::vector<std::string>& stops = {}, DecodeOptions options = {}) {
  StreamDecoder decoder(tokenizer, stops, options);
  std::string text;
  for (const TokenId id : ids) {
    const std::string part = decoder.push(id);
    EXPECT_TRUE(is_valid_utf8(part));
    text += part;
  }
  return text + decoder.finish();
}

// `text` up to the stop string whose end comes first; of those, the one that begins first.
std::string cut(const std::string& text, const std::vector<std::string>& stops) {
  for (std::size_t end = 1; end <= text.size(); ++end) {
    std::size_t begin = end;
    for (const std::string& stop : stops) {
      if (stop.size() <= end && text.compare(end - stop.size(), stop.size(), stop) == 0) {
        begin = std::min(begin, end - stop.size());
      }
    }
    if (begin < end) return text.substr(0, begin);
  }
  return text;
}

TEST(StreamDecoder, GivesWhatDecodeGivesForRandomIds) {
  std::mt19937 random(11);
  for (const Tokenizer& tokenizer : {byte_level_tokenizer(), byte_fallback_tokenizer()}) {
    for (int round = 0; round < 300; ++round) {
      std::vector<TokenId> ids(random() % 20);
      // Half of them from the first 259 ids, where the single bytes are.
      for (TokenId& id : ids) {
        const std::size_t range = random() % 2 == 0 ? 259 : tokenizer.vocab_size();
        id = static_cast<TokenId>(random() % range);
      }
      for (const bool skip : {true, false}) {
        EXPECT_EQ(stream(tokenizer, ids, {}, {.skip_special = skip}),
                  *tokenizer.decode(ids, {.skip_special = skip}))
            << ::testing::PrintToString(ids);
      }
    }
  }
}

TEST(StreamDecoder, CutsBeforeTheFirstStopStringOfRandomTexts) {
  const Tokenizer tokenizer = byte_level_tokenizer();
  const std::vector<std::string> stops = {"aab", "bb", "abab", "\u00e9a", ""};
  std::mt19937 random(12);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (std::size_t i = random() % 16; i > 0; --i) {
      const char* const letters[] = {"a", "b", "a", "\u00e9"};
      text += letters[random() % 4];
    }
    std::vector<TokenId> ids;
    for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
    EXPECT_EQ(stream(tokenizer, ids, stops), cut(text, {"aab", "bb", "abab", "\u00e9a"})) << text;
  }
}

TEST(StreamDecoder, HoldsBackHalfACharacterAndHalfAStopString) {
  const Tokenizer tokenizer = byte_level_tokenizer();
  StreamDecoder decoder(tokenizer, {"END"});
  EXPECT_EQ(decoder.push('a'), "a");
  EXPECT_EQ(decoder.push(0xC3), "");
  EXPECT_EQ(decoder.push(0xA9), "\u00e9");
  EXPECT_EQ(decoder.push('E'), "");
  EXPECT_EQ(decoder.push('N'), "");
  EXPECT_EQ(decoder.push('E'), "EN");
  EXPECT_EQ(decoder.push('N'), "");
  EXPECT_FALSE(decoder.stopped());
  EXPECT_EQ(decoder.push('D'), "");
  EXPECT_TRUE(decoder.stopped());
  EXPECT_EQ(decoder.stop(), "END");
  EXPECT_EQ(decoder.push('x'), "");
  EXPECT_EQ(decoder.finish(), "");
}

TEST(StreamDecoder, ReleasesWhatItHeldAtTheEnd) {
  const Tokenizer tokenizer = byte_level_tokenizer();
  StreamDecoder decoder(tokenizer, {"END"});
  EXPECT_EQ(decoder.push('E'), "");
  EXPECT_EQ(decoder.push(0xC3), "");
  EXPECT_EQ(decoder.finish(), "E\uFFFD");
  EXPECT_EQ(decoder.stop(), "");
}

TEST(StreamDecoder, IgnoresIdsWithoutAPiece) {
  const Tokenizer tokenizer = byte_level_tokenizer();
  StreamDecoder decoder(tokenizer);
  EXPECT_EQ(decoder.push(-1), "");
  EXPECT_EQ(decoder.push(257), "");  // a hole
  EXPECT_EQ(decoder.push(1 << 20), "");
  EXPECT_EQ(decoder.push('a'), "a");
}

}  // namespace
}  // namespace bora
