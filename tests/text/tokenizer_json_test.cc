#include "tests/text/tokenizer_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bora {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::parse_tokenizer;
using testing::pieces_of;
using ::testing::StartsWith;
using testing::TokenizerJson;

TEST(TokenizerJson, ReadsMergesInBothForms) {
  TokenizerJson json;
  EXPECT_THAT(pieces_of(json.tokenizer(), "abcde"), ElementsAre("abc", "de"));
}

TEST(TokenizerJson, EncodesUnknownCharactersByPolicy) {
  TokenizerJson json;
  EXPECT_THAT(pieces_of(json.tokenizer(), "axya"), ElementsAre("a", "a"));
  json.options = R"("unk_token": "<unk>", )";
  EXPECT_THAT(pieces_of(json.tokenizer(), "axya"), ElementsAre("a", "<unk>", "<unk>", "a"));
  json.options = R"("unk_token": "<unk>", "fuse_unk": true, )";
  EXPECT_THAT(pieces_of(json.tokenizer(), "axya"), ElementsAre("a", "<unk>", "a"));
}

TEST(TokenizerJson, CutsTextAtAddedTokensBeforeNormalizing) {
  TokenizerJson json;
  json.normalizer = R"({"type": "Lowercase"})";
  json.added_tokens = R"([{"id": 30, "content": "<A>", "special": true, "normalized": false},
                          {"id": 31, "content": "ED", "special": false, "normalized": true}])";
  const Tokenizer tokenizer = json.tokenizer();
  EXPECT_THAT(*tokenizer.encode("AB<A>c"), ElementsAre(9, 30, 3));
  EXPECT_THAT(*tokenizer.encode("AedEDb"), ElementsAre(1, 31, 31, 2));
  EXPECT_THAT(*tokenizer.encode("<A>", {.parse_special = false}), ElementsAre(1));
  EXPECT_TRUE(tokenizer.is_special(30));
  EXPECT_FALSE(tokenizer.is_special(31));
  EXPECT_FALSE(tokenizer.contains(29));
  EXPECT_EQ(tokenizer.vocab_size(), 32U);
  EXPECT_EQ(tokenizer.find("<A>"), 30);
}

TEST(TokenizerJson, PutsTheTokensOfATemplateAroundTheText) {
  TokenizerJson json;
  json.added_tokens = R"([{"id": 30, "content": "<s>", "special": true},
                          {"id": 31, "content": "</s>", "special": true}])";
  json.post_processor = R"({"type": "Sequence", "processors": [
    {"type": "ByteLevel", "trim_offsets": true},
    {"type": "TemplateProcessing",
     "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "</s>", "type_id": 0}}],
     "pair": [],
     "special_tokens": {"<s>": {"id": "<s>", "ids": [30], "tokens": ["<s>"]},
                        "</s>": {"id": "</s>", "ids": [31], "tokens": ["</s>"]}}}]})";
  const Tokenizer tokenizer = json.tokenizer();
  EXPECT_THAT(*tokenizer.encode("a"), ElementsAre(30, 1, 31));
  EXPECT_THAT(*tokenizer.encode("a", {.add_special = false}), ElementsAre(1));
  EXPECT_EQ(*tokenizer.decode(std::vector<TokenId>{30, 1, 31}), "a");
  EXPECT_EQ(*tokenizer.decode(std::vector<TokenId>{30, 1, 31}, {.skip_special = false}),
            "<s>a</s>");
}

TEST(TokenizerJson, ReadsBertAndRobertaPostProcessors) {
  TokenizerJson json;
  json.post_processor = R"({"type": "RobertaProcessing", "sep": [".", 15], "cls": ["-", 19]})";
  EXPECT_THAT(*json.tokenizer().encode("a"), ElementsAre(19, 1, 15));
}

TEST(TokenizerJson, RunsEachPreTokenizerByName) {
  TokenizerJson json;
  json.pre_tokenizer = R"({"type": "Sequence", "pretokenizers": [
      {"type": "Split", "pattern": {"Regex": "\\d"}, "behavior": "Isolated", "invert": false},
      {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}]})";
  EXPECT_THAT(pieces_of(json.tokenizer(), "ab 12"), ElementsAre("ab", "\u0120", "1", "2"));
  json.pre_tokenizer =
      R"({"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always"})";
  EXPECT_THAT(pieces_of(json.tokenizer(), "a ab"), ElementsAre("\u2581a", "\u2581", "ab"));
  json.pre_tokenizer = R"({"type": "Whitespace"})";
  EXPECT_THAT(pieces_of(json.tokenizer(), "a. b"), ElementsAre("a", ".", "b"));
  json.pre_tokenizer = R"({"type": "WhitespaceSplit"})";
  EXPECT_THAT(pieces_of(json.tokenizer(), "a \u00a0b"), ElementsAre("a", "b"));
  json.pre_tokenizer = R"({"type": "Punctuation"})";
  EXPECT_THAT(pieces_of(json.tokenizer(), "a.-b"), ElementsAre("a", ".", "-", "b"));
  json.pre_tokenizer = R"({"type": "Digits", "individual_digits": true})";
  EXPECT_THAT(pieces_of(json.tokenizer(), "a12"), ElementsAre("a", "1", "2"));
}

TEST(TokenizerJson, GivesTheSameIdsWhetherOrNotTheTextIsCutBeforeWords) {
  TokenizerJson json;
  json.normalizer = R"({"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"})";
  const Tokenizer cut = json.tokenizer();
  json.vocab.insert(1, R"("e\u2581": 40, )");  // a piece that reaches across: no cut is allowed
  json.merges = R"(["e \u2581", "a b", ["ab", "c"], "\u2581 a", "d e"])";
  const Tokenizer whole = json.tokenizer();
  EXPECT_THAT(pieces_of(cut, "ab  ab abc"),
              ElementsAre("ab", "\u2581", "\u2581", "ab", "\u2581", "abc"));
  EXPECT_THAT(pieces_of(cut, "ab  ab abc"), pieces_of(whole, "ab  ab abc"));
  EXPECT_THAT(pieces_of(whole, "e a"), ElementsAre("e\u2581", "a"));
}

TEST(TokenizerJson, DecodesIdsInRangeAndRefusesOthers) {
  const Tokenizer tokenizer = TokenizerJson().tokenizer();
  EXPECT_EQ(*tokenizer.decode(std::vector<TokenId>{9, 12}), "abde");
  for (const TokenId id : {-1, 22, 1 << 30}) {
    const auto text = tokenizer.decode(std::vector<TokenId>{1, id});
    ASSERT_FALSE(text);
    EXPECT_EQ(text.error().code, ErrorCode::kUsage);
    EXPECT_THAT(text.error().message, StartsWith("token id: expected 0..21, found "));
    EXPECT_EQ(tokenizer.piece(id), "");
  }
}

TEST(TokenizerJson, RefusesTextThatIsNotUtf8) {
  const auto ids = TokenizerJson().tokenizer().encode("a\xFF");
  ASSERT_FALSE(ids);
  EXPECT_EQ(ids.error().code, ErrorCode::kUsage);
}

struct Wrong {
  const char* what;
  TokenizerJson json;
  const char* message;
};

TEST(TokenizerJson, NamesWhatItCannotRead) {
  const std::vector<Wrong> cases = {
      {"normalizer", {.normalizer = R"({"type": "Nmt"})"}, "found \"Nmt\""},
      {"pre-tokenizer", {.pre_tokenizer = R"({"type": "BertPreTokenizer"})"}, "BertPreTokenizer"},
      {"decoder", {.decoder = R"({"type": "WordPiece"})"}, "found \"WordPiece\""},
      {"post-processor", {.post_processor = R"({"type": "Other"})"}, "found \"Other\""},
      {"no type", {.normalizer = "{}"}, "normalizer.type"},
      {"not an object", {.decoder = "[]"}, "decoder"},
      {"behavior",
       {.pre_tokenizer = R"({"type": "Split", "pattern": {"String": "a"}, "behavior": "Odd"})"},
       "behavior"},
      {"regex", {.pre_tokenizer = R"({"type": "Split", "pattern": {"Regex": "(a"}})"}, "regex"},
      {"dropout", {.options = R"("dropout": 0.1, )"}, "dropout"},
      {"subword prefix", {.options = R"("continuing_subword_prefix": "##", )"}, "found \"##\""},
      {"unknown token", {.options = R"("unk_token": "none", )"}, "unk_token"},
      {"id of another type", {.vocab = R"({"a": "1"})"}, "vocab.a"},
      {"negative id", {.vocab = R"({"a": -1})", .merges = "[]"}, "found -1"},
      {"absurd id", {.vocab = R"({"a": 1099511627776})", .merges = "[]"}, "token id"},
      {"one id for two pieces", {.vocab = R"({"a": 1, "b": 1})", .merges = "[]"}, "found two"},
      {"merge of one piece", {.merges = R"(["ab"])"}, "merge 0"},
      {"merge of three", {.merges = R"(["a b", ["a", "b", "c"]])"}, "merge 1"},
      {"merge of an unknown piece", {.merges = R"(["a zz"])"}, "merge 0"},
      {"merges of another type", {.merges = "{}"}, "merges"},
      {"absurd added id", {.added_tokens = R"([{"id": 99999999, "content": "x"}])"}, "id"},
      {"added token over a piece", {.added_tokens = R"([{"id": 1, "content": "x"}])"}, "found two"},
      {"template without the text",
       {.post_processor = R"({"type": "TemplateProcessing", "single": [], "special_tokens": {}})"},
       "single"},
      {"template id outside",
       {.post_processor = R"({"type": "TemplateProcessing", "single":
          [{"SpecialToken": {"id": "x"}}, {"Sequence": {"id": "A"}}],
          "special_tokens": {"x": {"ids": [9999]}}})"},
       "ids"},
      {"strip of thousands",
       {.decoder = R"({"type": "Strip", "content": " ", "start": 99999, "stop": 0})"},
       "content"},
      {"byte fallback after fuse",
       {.decoder =
            R"({"type": "Sequence", "decoders": [{"type": "Fuse"}, {"type": "ByteFallback"}]})"},
       "decoder"},
  };
  for (const Wrong& wrong : cases) {
    EXPECT_THAT(wrong.json.error(), HasSubstr(wrong.message)) << wrong.what;
  }
}

TEST(TokenizerJson, RefusesOtherModels) {
  std::string text = TokenizerJson().text();
  text.replace(text.find("\"BPE\""), 5, "\"WordPiece\"");
  const auto tokenizer = parse_tokenizer(text);
  ASSERT_FALSE(tokenizer);
  EXPECT_EQ(tokenizer.error().message,
            "test: model.type: expected the tokenizer model BPE, found \"WordPiece\"");
}

TEST(TokenizerJson, RefusesDeeplyNestedSequences) {
  TokenizerJson json;
  json.normalizer = R"({"type": "NFC"})";
  for (int i = 0; i < 12; ++i) {
    json.normalizer = R"({"type": "Sequence", "normalizers": [)" + json.normalizer + "]}";
  }
  EXPECT_THAT(json.error(), HasSubstr("nested"));
}

TEST(TokenizerJson, SurvivesTruncationAtEveryByte) {
  TokenizerJson json;
  json.normalizer = R"({"type": "NFC"})";
  json.added_tokens = R"([{"id": 30, "content": "<s>", "special": true}])";
  const std::string text = json.text();
  for (std::size_t length = 0; length < text.size(); ++length) {
    const auto tokenizer = parse_tokenizer(text.substr(0, length));
    ASSERT_FALSE(tokenizer) << length;
    EXPECT_EQ(tokenizer.error().code, ErrorCode::kBadModel);
  }
}

TEST(TokenizerJson, SurvivesOddMerges) {
  TokenizerJson json;
  json.merges = R"(["a b", "a b", "ab c", "a a"])";  // repeated; "aa" is no piece
  EXPECT_THAT(json.error(), HasSubstr("merge 3"));
  json.merges = R"(["ab c", "a b", "a b"])";
  EXPECT_THAT(pieces_of(json.tokenizer(), "abc"), ElementsAre("abc"));
}

}  // namespace
}  // namespace bora
