#include "tests/formats/gguf_builder.h"
#include "tests/text/tokenizer_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bora {
namespace {

using ::testing::ElementsAre;
using testing::GgufBuilder;
using ::testing::HasSubstr;
using testing::parse_tokenizer;
using testing::pieces_of;

constexpr const char* kTypes = "tokenizer.ggml.token_type";

GgufBuilder gpt2(const std::string& pre) {
  GgufBuilder file;
  file.text("tokenizer.ggml.model", "gpt2");
  file.text("tokenizer.ggml.pre", pre);
  const std::vector<std::string> tokens = {"a",       "b",  "\u0120", "1",  "ab",
                                           "\u0120a", "11", "<s>",    "<u>"};
  file.texts("tokenizer.ggml.tokens", tokens);
  file.array<std::int32_t>(kTypes, MetadataType::kInt32, {1, 1, 1, 1, 1, 1, 1, 3, 4});
  const std::vector<std::string> merges = {"a b", "\u0120 a", "1 1", "x y"};
  file.texts("tokenizer.ggml.merges", merges);
  return file;
}

TEST(GgufVocabulary, EncodesByteLevelBpeWithANamedPreTokenizer) {
  const auto smollm = parse_tokenizer(gpt2("smollm").bytes());
  ASSERT_TRUE(smollm) << smollm.error().message;
  EXPECT_THAT(pieces_of(*smollm, "ab a11"), ElementsAre("ab", "\u0120a", "1", "1"));
  const auto gpt = parse_tokenizer(gpt2("gpt-2").bytes());
  EXPECT_THAT(pieces_of(*gpt, "ab a11"), ElementsAre("ab", "\u0120a", "11"));
  EXPECT_EQ(*gpt->decode(*gpt->encode("ab a11")), "ab a11");
}

TEST(GgufVocabulary, FindsControlTokensAsSpecialAndUserDefinedAlways) {
  const auto tokenizer = parse_tokenizer(gpt2("llama-bpe").bytes());
  EXPECT_THAT(*tokenizer->encode("a<s><u>"), ElementsAre(0, 7, 8));
  EXPECT_THAT(*tokenizer->encode("<u>a", {.parse_special = false}), ElementsAre(8, 0));
  EXPECT_TRUE(tokenizer->is_special(7));
  EXPECT_FALSE(tokenizer->is_special(8));
}

TEST(GgufVocabulary, AddsBosAsTheFileOrTheKindSays) {
  auto file = gpt2("llama-bpe");
  file.value<std::uint32_t>("tokenizer.ggml.bos_token_id", MetadataType::kUint32, 7);
  EXPECT_THAT(*parse_tokenizer(file.bytes())->encode("a"), ElementsAre(7, 0));
  file.value<std::uint8_t>("tokenizer.ggml.add_bos_token", MetadataType::kBool, 0);
  file.text("tokenizer.chat_template", "{{ x }}");
  const auto tokenizer = parse_tokenizer(file.bytes());
  EXPECT_THAT(*tokenizer->encode("a"), ElementsAre(0));
  EXPECT_EQ(tokenizer->special_text("bos_token"), "<s>");
  EXPECT_EQ(tokenizer->chat_template(), "{{ x }}");
}

TEST(GgufVocabulary, CompilesEveryNamedPreTokenizer) {
  for (const char* name :
       {"default",   "gpt-2",   "phi-2",       "olmo",         "starcoder",      "refact",
        "command-r", "smollm",  "llama3",      "llama-v3",     "llama-bpe",      "dbrx",
        "smaug-bpe", "glm4",    "chatglm-bpe", "qwen2",        "stablelm2",      "deepseek-r1-qwen",
        "tekken",    "gpt-4o",  "llama4",      "deepseek-llm", "deepseek-coder", "deepseek-v3",
        "falcon",    "falcon3", "bloom",       "poro-chat",    "viking",         "seed-coder"}) {
    const auto tokenizer = parse_tokenizer(gpt2(name).bytes());
    ASSERT_TRUE(tokenizer) << name << ": " << tokenizer.error().message;
    EXPECT_EQ(*tokenizer->decode(*tokenizer->encode("ab a  11 b", {.add_special = false})),
              "ab a  11 b")
        << name;
  }
}

TEST(GgufVocabulary, EncodesSentencePieceByScores) {
  GgufBuilder file;
  file.text("tokenizer.ggml.model", "llama");
  const std::vector<std::string> tokens = {"<unk>", "<s>", "</s>", "\u2581", "a", "\u2581a", "aa"};
  file.texts("tokenizer.ggml.tokens", tokens);
  file.array<float>("tokenizer.ggml.scores", MetadataType::kFloat32, {0, 0, 0, -1, -2, -4, -3});
  file.array<std::int32_t>(kTypes, MetadataType::kInt32, {2, 3, 3, 1, 1, 1, 1});
  const auto tokenizer = parse_tokenizer(file.bytes());
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_THAT(*tokenizer->encode("aa a"), ElementsAre(1, 3, 6, 5));
  EXPECT_EQ(tokenizer->eos_id(), 2);
  EXPECT_EQ(*tokenizer->decode(std::vector<TokenId>{1, 5, 5, 2}), "a a");
  file.value<std::uint8_t>("tokenizer.ggml.add_space_prefix", MetadataType::kBool, 0);
  EXPECT_THAT(*parse_tokenizer(file.bytes())->encode("aa a"), ElementsAre(1, 6, 5));
}

TEST(GgufVocabulary, NamesWhatItCannotRead) {
  EXPECT_THAT(parse_tokenizer(gpt2("new-one").bytes()).error().message, HasSubstr("\"new-one\""));
  GgufBuilder other;
  other.text("tokenizer.ggml.model", "bert");
  const std::vector<std::string> tokens = {"a"};
  other.texts("tokenizer.ggml.tokens", tokens);
  EXPECT_THAT(parse_tokenizer(other.bytes()).error().message, HasSubstr("found \"bert\""));
  EXPECT_THAT(parse_tokenizer(GgufBuilder().bytes()).error().message,
              HasSubstr("tokenizer.ggml.model"));
}

TEST(GgufVocabulary, RefusesListsThatDoNotFitTogether) {
  auto short_types = gpt2("gpt-2");
  const std::vector<std::string> tokens = {"a", "b"};
  GgufBuilder file;
  file.text("tokenizer.ggml.model", "llama");
  file.texts("tokenizer.ggml.tokens", tokens);
  file.array<float>("tokenizer.ggml.scores", MetadataType::kFloat32, {0});
  EXPECT_THAT(parse_tokenizer(file.bytes()).error().message, HasSubstr("one score a token"));
  file.array<std::int32_t>(kTypes, MetadataType::kInt32, {1, 1, 1});
  EXPECT_THAT(parse_tokenizer(file.bytes()).error().message, HasSubstr("one type a token"));
  short_types.value<std::uint32_t>("tokenizer.ggml.eos_token_id", MetadataType::kUint32, 99);
  EXPECT_THAT(parse_tokenizer(short_types.bytes()).error().message, HasSubstr("eos_token_id"));
}

}  // namespace
}  // namespace bora
