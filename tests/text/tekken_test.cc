#include "tests/text/tokenizer_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bora {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::parse_tokenizer;

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    unsigned bits = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      bits = (bits << 8) | (at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      out += at + i <= bytes.size() ? kDigits[(bits >> (18 - 6 * i)) & 63] : '=';
    }
  }
  return out;
}

struct TekkenJson {
  std::string config =
      R"({"pattern": "[a-z]+|\\s|[^a-z\\s]+", "num_vocab_tokens": 300, "default_vocab_size": 270,
          "default_num_special_tokens": 10, "version": "v3"})";
  std::vector<std::string> more = {"ab", "bc", "abc", " x"};  // after the bytes
  std::string rest;

  [[nodiscard]] std::string text() const {
    std::string vocab;
    auto add = [&, rank = 0](std::string_view bytes) mutable {
      vocab += (rank == 0 ? "" : ", ") + std::string(R"({"rank": )") + std::to_string(rank) +
               R"(, "token_bytes": ")" + base64(bytes) + R"(", "token_str": null})";
      ++rank;
    };
    for (int byte = 0; byte < 256; ++byte) add(std::string(1, static_cast<char>(byte)));
    for (const std::string& bytes : more) add(bytes);
    return R"({"config": )" + config + R"(, "vocab": [)" + vocab + "]" + rest + "}";
  }
};

TEST(Tekken, MergesBytesByRankBehindTheSpecialTokens) {
  const auto tokenizer = parse_tokenizer(TekkenJson().text());
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ(tokenizer->vocab_size(), 270U);
  EXPECT_THAT(*tokenizer->encode("ab"), ElementsAre(1, 10 + 256));
  EXPECT_THAT(*tokenizer->encode("abc"), ElementsAre(1, 10 + 258));  // whole
  EXPECT_THAT(*tokenizer->encode("abcb"), ElementsAre(1, 10 + 258, 10 + 'b'));
  EXPECT_THAT(*tokenizer->encode(" x"),
              ElementsAre(1, 10 + ' ', 10 + 'x'));  // the pattern parts them
  EXPECT_THAT(*tokenizer->encode("\u00e9"), ElementsAre(1, 10 + 0xC3, 10 + 0xA9));
}

TEST(Tekken, LeavesSpecialTokensInTheTextUnlessAsked) {
  const auto tokenizer = parse_tokenizer(TekkenJson().text());
  EXPECT_EQ(tokenizer->encode("</s>")->size(), 5U);
  EXPECT_THAT(*tokenizer->encode("</s>", {.parse_special = true}), ElementsAre(1, 2));
  EXPECT_EQ(tokenizer->piece(3), "[INST]");
  EXPECT_EQ(tokenizer->eos_id(), 2);
}

TEST(Tekken, DecodesBytesAndSpecialTokens) {
  const auto tokenizer = parse_tokenizer(TekkenJson().text());
  const std::vector<TokenId> ids = {1, 10 + 0xC3, 10 + 0xA9, 10 + 0xC3, 266, 2};
  EXPECT_EQ(*tokenizer->decode(ids), "\u00e9\uFFFDab");
  EXPECT_EQ(*tokenizer->decode(ids, {.skip_special = false}), "<s>\u00e9\uFFFDab</s>");
}

TEST(Tekken, ReadsSpecialTokensOfTheFileAndFillsTheRest) {
  TekkenJson json;
  json.rest = R"(, "special_tokens": [{"rank": 0, "token_str": "<unk>", "is_control": true},
                                     {"rank": 4, "token_str": "<s>", "is_control": true}])";
  const auto tokenizer = parse_tokenizer(json.text());
  EXPECT_EQ(tokenizer->bos_id(), 4);
  EXPECT_EQ(tokenizer->eos_id(), std::nullopt);
  EXPECT_EQ(tokenizer->piece(7), "<SPECIAL_7>");
}

TEST(Tekken, NamesWhatIsWrong) {
  TekkenJson too_few;
  too_few.more.pop_back();
  EXPECT_THAT(parse_tokenizer(too_few.text()).error().message, HasSubstr("260 entries"));
  TekkenJson absurd;
  absurd.config = R"({"pattern": "a", "default_vocab_size": 2000000000,
                      "default_num_special_tokens": 1000})";
  EXPECT_THAT(parse_tokenizer(absurd.text()).error().message, HasSubstr("default_vocab_size"));
  std::string text = TekkenJson().text();
  text.replace(text.find("\"AA==\""), 6, "\"*A==\"");
  EXPECT_THAT(parse_tokenizer(text).error().message, HasSubstr("entry 0"));
}

}  // namespace
}  // namespace bora
