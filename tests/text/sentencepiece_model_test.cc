// tokenizer.model, with libsentencepiece as the oracle.
#include "base/mapped_file.h"
#include "formats/json.h"
#include "tests/base/temp_folder.h"
#include "tests/text/sentencepiece_files.h"
#include "tests/text/tokenizer_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sentencepiece_processor.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <tuple>

namespace bora {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::parse_tokenizer;
using testing::pieces_of;
using testing::SentencePieceFile;

const std::filesystem::path kTokenizers = std::filesystem::path(BORA_TEST_DATA_DIR) / "tokenizers";

std::vector<TokenId> oracle_ids(const sentencepiece::SentencePieceProcessor& oracle,
                                const std::string& text) {
  std::vector<int> ids;
  CHECK(oracle.Encode(text, &ids).ok(), "encode");
  return {ids.begin(), ids.end()};
}

// Words, spaces, runs and characters that are no pieces, in random order.
std::string random_text(std::mt19937& random) {
  const char* const parts[] = {
      "the",        " ",      "  ",     "     ",   "Hello",       "ing",    "a",
      "\n",         "\t",     "1234",   ".",       "!?",          "\u00e9", "\u4f60\u597d",
      "\U0001F600", "\u2581", "\u00a0", "e\u0301", "x",           "zzzz",   "'s",
      "<s>",        "[INST]", "_",      "ABC",     "\u0410\u0411"};
  std::string text;
  for (std::size_t i = random() % 12; i > 0; --i) text += parts[random() % std::size(parts)];
  return text;
}

TEST(SentencePieceModel, EncodesRandomTextsAsLibsentencepiece) {
  for (const char* name : {"tokenizer.model.v1", "mistral_instruct_tokenizer_240323.model.v3"}) {
    sentencepiece::SentencePieceProcessor oracle;
    ASSERT_TRUE(oracle.Load((kTokenizers / name).string()).ok());
    const auto tokenizer = Tokenizer::load(kTokenizers / name);
    ASSERT_TRUE(tokenizer) << tokenizer.error().message;
    EXPECT_EQ(tokenizer->vocab_size(), static_cast<std::size_t>(oracle.GetPieceSize()));
    std::mt19937 random(5);
    for (int i = 0; i < 2000; ++i) {
      const std::string text = random_text(random);
      const auto ids = tokenizer->encode(text, {.add_special = false, .parse_special = false});
      EXPECT_EQ(*ids, oracle_ids(oracle, text)) << name << ": " << text;
    }
  }
}

TEST(SentencePieceModel, EncodesSmallVocabulariesAsLibsentencepiece) {
  std::mt19937 random(6);
  const char* const parts[] = {"\u2581", "a", "b", "c", "ab", "bc", "\u2581a", "ca", "aa", "abc"};
  for (int round = 0; round < 100; ++round) {
    SentencePieceFile file;
    file.add_dummy_prefix = random() % 2 == 0;
    file.remove_extra_whitespaces = random() % 2 == 0;
    for (const char* part : parts) {  // scores in any order, some equal
      if (random() % 8 == 0) continue;
      file.piece(part, -static_cast<float>(random() % 6));
    }
    if (random() % 2 == 0) file.piece("cab", 0, PieceType::kUserDefined);
    sentencepiece::SentencePieceProcessor oracle;
    ASSERT_TRUE(oracle.LoadFromSerializedProto(file.bytes()).ok());
    const auto tokenizer = parse_tokenizer(file.bytes());
    ASSERT_TRUE(tokenizer) << tokenizer.error().message;
    for (int i = 0; i < 50; ++i) {
      std::string text;
      for (std::size_t n = random() % 12; n > 0; --n) text += "aabbcc  x"[random() % 9];
      const auto ids = tokenizer->encode(text, {.add_special = false, .parse_special = false});
      EXPECT_EQ(*ids, oracle_ids(oracle, text)) << "round " << round << ": " << text;
    }
  }
}

// What transformers makes of the model: a tokenizer.json whose merges are all splits of all pieces.
std::string tokenizer_json_of(const sentencepiece::SentencePieceProcessor& model) {
  std::vector<std::tuple<float, std::ptrdiff_t, std::ptrdiff_t, std::string, std::string>> merges;
  std::string vocab;
  const auto quote = [](const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
      char escaped[8];
      if (c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20) {
        std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
        out += escaped;
      } else {
        out += c;
      }
    }
    return out + "\"";
  };
  const auto characters = [](std::string_view text) {
    return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
  };
  for (int id = 0; id < model.GetPieceSize(); ++id) {
    const std::string& piece = model.IdToPiece(id);
    vocab += (id == 0 ? "" : ", ") + quote(piece) + ": " + std::to_string(id);
    if (!(model.IsControl(id) || model.IsByte(id) || model.IsUnknown(id))) {
      for (std::size_t k = 1; k < piece.size(); ++k) {
        const std::string left = piece.substr(0, k);
        const std::string right = piece.substr(k);
        if ((right.front() & 0xC0) == 0x80) continue;
        if (model.IsUnknown(model.PieceToId(left)) || model.IsUnknown(model.PieceToId(right)))
          continue;
        merges.emplace_back(-model.GetScore(id), -characters(left), -characters(right), left,
                            right);
      }
    }
  }
  std::stable_sort(merges.begin(), merges.end(), [](const auto& a, const auto& b) {
    return std::tie(std::get<0>(a), std::get<1>(a), std::get<2>(a)) <
           std::tie(std::get<0>(b), std::get<1>(b), std::get<2>(b));
  });
  testing::TokenizerJson json;
  json.vocab = "{" + vocab + "}";
  json.merges = "[";
  for (const auto& merge : merges) {
    json.merges += (json.merges.size() > 1 ? ", [" : "[") + quote(std::get<3>(merge)) + ", " +
                   quote(std::get<4>(merge)) + "]";
  }
  json.merges += "]";
  json.options = R"("unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true, )";
  json.added_tokens = R"([{"id": 0, "content": "<unk>", "special": true},
      {"id": 1, "content": "<s>", "special": true}, {"id": 2, "content": "</s>", "special": true}])";
  json.normalizer =
      R"({"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "\u2581"},
      {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]})";
  json.post_processor = R"({"type": "TemplateProcessing",
      "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
      "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}})";
  json.decoder = R"({"type": "Sequence", "decoders": [
      {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}, {"type": "ByteFallback"},
      {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]})";
  return json.text();
}

TEST(SentencePieceModel, GivesTheIdsOfTheTokenizerJsonThatIsMadeOfIt) {
  sentencepiece::SentencePieceProcessor model;
  ASSERT_TRUE(model.Load((kTokenizers / "tokenizer.model.v1").string()).ok());
  const auto from_json = parse_tokenizer(tokenizer_json_of(model));
  ASSERT_TRUE(from_json) << from_json.error().message;
  const auto document =
      JsonDocument::read(kTokenizers.parent_path() / "golden" / "tokenize_mistral_v1.json");
  for (const simdjson::dom::element row : document->root()["encode"].get_array()) {
    const std::string_view text = row["text"].get_string().value();
    std::vector<TokenId> ids;
    for (const simdjson::dom::element id : row["ids"].get_array()) {
      ids.push_back(static_cast<TokenId>(id.get_int64().value()));
    }
    EXPECT_EQ(*from_json->encode(text), ids) << text;
    EXPECT_EQ(*from_json->decode(ids, {.skip_special = false}),
              row["decoded_with_special"].get_string().value());
  }
}

TEST(SentencePieceModel, ReadsSpecialTokensFromTextAsTheModelSuggests) {
  SentencePieceFile llama;
  llama.piece("\u2581", -1).piece("a", -2).piece("\u2581a", -3);
  const auto plain = parse_tokenizer(llama.bytes());
  EXPECT_THAT(*plain->encode("a</s>a"), ElementsAre(1, 5, 2, 5));
  EXPECT_THAT(*plain->encode("</s>", {.add_special = false}), ElementsAre(2));

  llama.piece("[INST]", 0, PieceType::kControl);
  const auto mistral = parse_tokenizer(llama.bytes());
  EXPECT_THAT(*mistral->encode("[INST]a", {.parse_special = true}), ElementsAre(1, 6, 5));
  EXPECT_THAT(pieces_of(*mistral, "a[INST]"), ElementsAre("<s>", "\u2581a", "<unk>"));
}

TEST(SentencePieceModel, TakesWhatStandsBesideIt) {
  const testing::TempFolder folder;
  SentencePieceFile file;
  file.piece("\u2581", -1)
      .piece("a", -2)
      .piece("\u2581a", -3)
      .piece("[INST]", 0, PieceType::kControl);
  folder.write("tokenizer.model", file.bytes());
  folder.write("tokenizer_config.json", R"({"add_bos_token": false, "add_eos_token": true,
      "bos_token": {"content": "<s>"}, "eos_token": "[INST]", "legacy": false,
      "model_max_length": 1000000000000000019884624838656,
      "chat_template": [{"name": "other", "template": "no"}, {"name": "default", "template": "yes"}],
      "added_tokens_decoder": {"7": {"content": "<new>", "special": true}}})");
  const auto tokenizer = Tokenizer::load(folder.path());
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_THAT(*tokenizer->encode("a<new>a"), ElementsAre(5, 7, 4, 2));  // the prefix only in front
  EXPECT_EQ(tokenizer->special_text("bos_token"), "<s>");
  EXPECT_EQ(tokenizer->special_text("eos_token"), "[INST]");
  EXPECT_EQ(tokenizer->eos_id(), 6);
  EXPECT_EQ(tokenizer->chat_template(), "yes");
  folder.write("chat_template.jinja", "jinja");
  EXPECT_EQ(Tokenizer::load(folder.path())->chat_template(), "jinja");
}

TEST(SentencePieceModel, NamesWhatItDoesNotSupport) {
  SentencePieceFile file;
  file.model_type = 1;
  EXPECT_EQ(parse_tokenizer(file.bytes(), "tokenizer.model").error().message,
            "tokenizer.model: model_type: expected bpe, found unigram");
  file.model_type = 2;
  file.charsmap = "x";
  EXPECT_THAT(parse_tokenizer(file.bytes()).error().message, HasSubstr("found nmt_nfkc"));
}

TEST(SentencePieceModel, RefusesDamagedFiles) {
  SentencePieceFile file;
  file.piece("a", -1);
  const std::string bytes = file.bytes();
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const auto tokenizer = parse_tokenizer(bytes.substr(0, length));  // must not crash
    EXPECT_TRUE(tokenizer || tokenizer.error().code == ErrorCode::kBadModel) << length;
  }
  EXPECT_FALSE(parse_tokenizer(""));
  EXPECT_FALSE(parse_tokenizer("not a model"));
  EXPECT_FALSE(parse_tokenizer(std::string("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10)));
  EXPECT_FALSE(parse_tokenizer(SentencePieceFile().piece("\xFF", 0).bytes()));
  EXPECT_FALSE(parse_tokenizer(SentencePieceFile().piece("a", std::nanf("")).bytes()));
}

}  // namespace
}  // namespace bora
