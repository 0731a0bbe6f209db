#include "api/draft_vocabulary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <span>
#include <vector>

namespace bora {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using Json = nlohmann::json;

// Byte-level BPE whose piece i is pieces[i]; of those the ones in <> are special.
std::optional<Tokenizer> tokenizer_of(const std::vector<std::string>& pieces) {
  Json vocab = Json::object();
  Json added = Json::array();
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (!pieces[i].starts_with('<')) {
      vocab[pieces[i]] = i;
      continue;
    }
    added.push_back({{"id", i},
                     {"content", pieces[i]},
                     {"special", true},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false}});
  }
  const std::string text =
      Json{{"added_tokens", added},
           {"normalizer", nullptr},
           {"pre_tokenizer",
            {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}}},
           {"post_processor", nullptr},
           {"decoder", {{"type", "ByteLevel"}}},
           {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", Json::array()}}}}
          .dump();
  Result<Tokenizer> tokenizer = Tokenizer::parse(std::as_bytes(std::span(text)), "tokenizer.json");
  EXPECT_TRUE(tokenizer) << tokenizer.error().message;
  return *std::move(tokenizer);
}

Result<void> check(const std::optional<Tokenizer>& model, const std::optional<Tokenizer>& draft,
                   std::size_t draft_size = 100) {
  const std::string names[] = {"large", "small"};
  return check_draft_vocabulary({names[0], model, 100}, {names[1], draft, draft_size});
}

TEST(DraftVocabulary, MayGoOnWhereTheOtherEndsAndNameItsSpecialTokensOtherwise) {
  const auto model = tokenizer_of({"a", "b", "<s>", "c"});
  EXPECT_TRUE(check(model, model));
  EXPECT_TRUE(check(model, tokenizer_of({"a", "b", "<begin>", "c", "d", "<pad>"}), 128));
  EXPECT_TRUE(check(tokenizer_of({"a", "b", "<s>", "c", "d"}), model));
}

TEST(DraftVocabulary, NamesBothModelsAndTheFirstPieceThatDiffers) {
  const Result<void> found =
      check(tokenizer_of({"a", "b", "<s>", "c"}), tokenizer_of({"a", "b", "<s>", "d", "e"}));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::kUsage);
  EXPECT_EQ(found.error().message,
            "draft model small: expected the vocabulary of large, where id 3 is \"c\", found "
            "\"d\"");
}

TEST(DraftVocabulary, IsJudgedByItsSizeWithoutATokenizer) {
  const auto tokenizer = tokenizer_of({"a", "b"});
  EXPECT_TRUE(check(std::nullopt, std::nullopt));
  EXPECT_TRUE(check(tokenizer, std::nullopt));
  for (const auto& model : {std::optional<Tokenizer>(), tokenizer}) {
    const Result<void> found = check(model, std::nullopt, 99);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().message,
              "draft model small: expected the vocabulary of large, 100 tokens, found 99");
  }
}

}  // namespace
}  // namespace bora
