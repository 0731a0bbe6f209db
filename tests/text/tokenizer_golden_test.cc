// Every string of the tokenizer goldens (made by the libraries that the models were trained with),
// both ways.
#include "base/mapped_file.h"
#include "formats/json.h"
#include "text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace bora {
namespace {

namespace dom = simdjson::dom;

const std::filesystem::path kData = BORA_TEST_DATA_DIR;

JsonDocument golden(const std::string& name) {
  auto document = JsonDocument::read(kData / "golden" / name);
  CHECK(document.has_value(), document.error().message);
  return std::move(document).value();
}

std::vector<TokenId> ids_of(dom::element row, const char* key = "ids") {
  std::vector<TokenId> ids;
  for (const dom::element id : row[key].get_array()) {
    ids.push_back(static_cast<TokenId>(id.get_int64().value()));
  }
  return ids;
}

std::string text_of(dom::element row, const char* key) {
  return std::string(row[key].get_string().value());
}

Tokenizer load(const std::filesystem::path& path) {
  auto tokenizer = Tokenizer::load(path);
  CHECK(tokenizer.has_value(), tokenizer.error().message);
  return std::move(tokenizer).value();
}

void expect_encodes(const Tokenizer& tokenizer, const JsonDocument& document) {
  std::size_t rows = 0;
  for (const dom::element row : document.root()["encode"].get_array()) {
    const std::string text = text_of(row, "text");
    const auto ids = tokenizer.encode(text);
    ASSERT_TRUE(ids) << ids.error().message;
    EXPECT_EQ(*ids, ids_of(row)) << text;
    ++rows;
  }
  EXPECT_GE(rows, 60U);
}

void expect_decodes(const Tokenizer& tokenizer, const JsonDocument& document, const char* rows_key,
                    bool with_special) {
  for (const dom::element row : document.root()[rows_key].get_array()) {
    const auto ids = ids_of(row);
    EXPECT_EQ(*tokenizer.decode(ids), text_of(row, "decoded")) << testing::PrintToString(ids);
    if (!with_special) continue;
    EXPECT_EQ(*tokenizer.decode(ids, {.skip_special = false}), text_of(row, "decoded_with_special"))
        << testing::PrintToString(ids);
  }
}

TEST(TokenizerGolden, MistralV1ModelEncodesAndDecodesAsHuggingFace) {
  const auto document = golden("tokenize_mistral_v1.json");
  const Tokenizer tokenizer = load(kData / "tokenizers" / "tokenizer.model.v1");
  expect_encodes(tokenizer, document);
  expect_decodes(tokenizer, document, "encode", true);
  expect_decodes(tokenizer, document, "decode", true);
}

TEST(TokenizerGolden, MistralV1ModelEncodesAsSentencePieceWhenSpecialTokensStayText) {
  const auto document = golden("tokenize_mistral_v1.json");
  const Tokenizer tokenizer = load(kData / "tokenizers" / "tokenizer.model.v1");
  std::size_t rows = 0;
  for (const dom::element row : document.root()["encode"].get_array()) {
    if (row["sentencepiece_ids"].error() != simdjson::SUCCESS) continue;
    const std::string text = text_of(row, "text");
    EXPECT_EQ(*tokenizer.encode(text, {.parse_special = false}), ids_of(row, "sentencepiece_ids"))
        << text;
    ++rows;
  }
  EXPECT_GT(rows, 0U);
}

TEST(TokenizerGolden, MistralV3ModelLeavesSpecialTokensInTextAsMistralCommon) {
  const auto document = golden("tokenize_mistral_v3.json");
  const Tokenizer tokenizer =
      load(kData / "tokenizers" / "mistral_instruct_tokenizer_240323.model.v3");
  expect_encodes(tokenizer, document);
  expect_decodes(tokenizer, document, "encode", false);
}

// Set to the folder "data" of the PyPI package mistral-common: its tekken files are 15 MB and more.
TEST(TokenizerGolden, TekkenEncodesAndDecodesAsMistralCommon) {
  const char* folder = std::getenv("BORA_TEST_MISTRAL_COMMON");
  if (folder == nullptr) GTEST_SKIP() << "BORA_TEST_MISTRAL_COMMON is not set";
  const auto document = golden("tokenize_mistral_tekken.json");
  const Tokenizer tokenizer = load(std::filesystem::path(folder) / "tekken_240911.json");
  expect_encodes(tokenizer, document);
  expect_decodes(tokenizer, document, "encode", false);
}

// Set to a folder that tools/smollm2_checkpoint.py wrote.
TEST(TokenizerGolden, SmolLm2TokenizerJsonEncodesAndDecodesAsHuggingFace) {
  const char* folder = std::getenv("BORA_TEST_SMOLLM2_HF");
  if (folder == nullptr) GTEST_SKIP() << "BORA_TEST_SMOLLM2_HF is not set";
  const auto document = golden("tokenize_smollm2.json");
  const Tokenizer tokenizer = load(folder);
  expect_encodes(tokenizer, document);
  expect_decodes(tokenizer, document, "encode", true);
  expect_decodes(tokenizer, document, "decode", true);
}

// Set to SmolLM2-135M-Instruct.Q4_1.gguf.
TEST(TokenizerGolden, SmolLm2GgufEncodesAndDecodesAsHuggingFace) {
  const char* file = std::getenv("BORA_TEST_SMOLLM2");
  if (file == nullptr) GTEST_SKIP() << "BORA_TEST_SMOLLM2 is not set";
  const auto document = golden("tokenize_smollm2.json");
  const Tokenizer tokenizer = load(file);
  expect_encodes(tokenizer, document);
  expect_decodes(tokenizer, document, "encode", true);
  expect_decodes(tokenizer, document, "decode", true);
}

}  // namespace
}  // namespace bora
