#include "formats/checkpoint.h"

#include "tests/base/temp_folder.h"
#include "tests/formats/gguf_builder.h"
#include "tests/formats/safetensors_builder.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace bora {
namespace {

namespace fs = std::filesystem;
using testing::GgufBuilder;
using testing::SafetensorsBuilder;
using testing::TempFolder;

constexpr const char* kConfig = R"({"model_type": "llama", "hidden_size": 8})";
constexpr const char* kIndexName = "model.safetensors.index.json";

std::string one_tensor(std::string_view name) {
  return SafetensorsBuilder().tensor(name, "F32", {2}, "abcdefgh").bytes();
}

std::string small_gguf() {
  return GgufBuilder()
      .text("general.architecture", "llama")
      .tensor("token_embd.weight", {2, 1}, 0, "abcdefgh")
      .tensor("blk.0.ffn.weight", {256}, 15, std::string(292, 'k'))
      .bytes();
}

std::string message_of(const Result<Checkpoint>& opened) {
  return opened ? "opened" : opened.error().message;
}

// --- the real thing

struct Golden {
  const char* folder;
  std::size_t tensors;
  std::size_t files;
};

TEST(Checkpoint, OpensTheGoldenModels) {
  for (const Golden& golden :
       {Golden{"llama2", 30, 1}, Golden{"llama31_rope_tied", 38, 1}, Golden{"mistral_nemo", 30, 1},
        Golden{"mistral_v01_swa", 30, 1}, Golden{"mistral_v02", 39, 2}}) {
    SCOPED_TRACE(golden.folder);
    const fs::path path = fs::path(BORA_TEST_DATA_DIR) / "golden/models" / golden.folder;
    const Result<Checkpoint> opened = Checkpoint::open(path);
    ASSERT_TRUE(opened) << message_of(opened);
    EXPECT_EQ(opened->kind(), Checkpoint::Kind::kHuggingFace);
    EXPECT_EQ(opened->path(), path);
    EXPECT_EQ(opened->tensors().size(), golden.tensors);
    EXPECT_EQ(opened->files().size(), golden.files);
    const Result<std::size_t> hidden = opened->config().get_positive("hidden_size");
    ASSERT_TRUE(hidden);
    const Result<TensorView> embedding = opened->tensor("model.embed_tokens.weight");
    ASSERT_TRUE(embedding);
    EXPECT_EQ(embedding->dtype, DType::kBF16);
    EXPECT_EQ(embedding->shape.columns(), *hidden);
  }
}

TEST(Checkpoint, OpensSmolLM2FromItsGguf) {
  const char* path = std::getenv("BORA_TEST_SMOLLM2");
  if (path == nullptr) GTEST_SKIP() << "BORA_TEST_SMOLLM2 does not name the GGUF file";
  const Result<Checkpoint> opened = Checkpoint::open(path);
  ASSERT_TRUE(opened) << message_of(opened);
  EXPECT_EQ(opened->kind(), Checkpoint::Kind::kGguf);
  EXPECT_EQ(opened->tensors().size(), 272U);
  const Result<std::vector<std::string_view>> tokens =
      opened->metadata().get_strings("tokenizer.ggml.tokens");
  ASSERT_TRUE(tokens);
  EXPECT_EQ(tokens->size(), 49152U);
  const Result<TensorView> embedding = opened->tensor("token_embd.weight");
  ASSERT_TRUE(embedding);
  EXPECT_EQ(embedding->shape, (Shape{49152, 576}));
}

// --- what a path may be

TEST(Checkpoint, OpensAFolderWithOneFileOfWeights) {
  for (const char* name : {"model.safetensors", "consolidated.safetensors"}) {
    const TempFolder folder;
    folder.write("config.json", kConfig);
    folder.write(name, one_tensor("w"));
    const Result<Checkpoint> opened = Checkpoint::open(folder.path());
    ASSERT_TRUE(opened) << message_of(opened);
    EXPECT_TRUE(opened->contains("w"));
    EXPECT_FALSE(opened->contains("v"));
    EXPECT_EQ(opened->tensor_bytes(), 8U);
    EXPECT_FALSE(opened->generation_config());
  }
}

TEST(Checkpoint, OpensASafetensorsFileWithTheConfigBesideIt) {
  const TempFolder folder;
  folder.write("config.json", kConfig);
  folder.write("generation_config.json", R"({"eos_token_id": [1, 2]})");
  folder.write("other.safetensors", one_tensor("v"));
  const Result<Checkpoint> opened =
      Checkpoint::open(folder.write("this.safetensors", one_tensor("w")));
  ASSERT_TRUE(opened) << message_of(opened);
  EXPECT_EQ(opened->path(), folder.path());
  EXPECT_TRUE(opened->contains("w"));
  ASSERT_TRUE(opened->generation_config());
  EXPECT_EQ(*opened->generation_config()->get_ints("eos_token_id"),
            (std::vector<std::int64_t>{1, 2}));
}

TEST(Checkpoint, OpensTheOnlyGgufOfAFolder) {
  const TempFolder folder;
  folder.write("README.md", "");
  const fs::path file = folder.write("a.gguf", small_gguf());
  const Result<Checkpoint> opened = Checkpoint::open(folder.path());
  ASSERT_TRUE(opened) << message_of(opened);
  EXPECT_EQ(opened->kind(), Checkpoint::Kind::kGguf);
  EXPECT_EQ(opened->path(), file);
  EXPECT_EQ(*opened->metadata().get_string("general.architecture"), "llama");
}

TEST(Checkpoint, ShowsTheSameTensorsAfterAMove) {
  const TempFolder folder;
  Result<Checkpoint> opened = Checkpoint::open(folder.write("a.gguf", small_gguf()));
  ASSERT_TRUE(opened) << message_of(opened);
  const Result<TensorView> before = opened->tensor("token_embd.weight");
  const Checkpoint moved = std::move(*opened);
  const Result<TensorView> after = moved.tensor("token_embd.weight");
  ASSERT_TRUE(before && after);
  EXPECT_EQ(before->data, after->data);
  EXPECT_EQ(after->shape, (Shape{1, 2}));
  EXPECT_EQ(static_cast<char>(after->data[7]), 'h');
}

TEST(Checkpoint, SaysWhichTensorIsAbsentOrOfAnotherType) {
  const TempFolder folder;
  const Result<Checkpoint> opened = Checkpoint::open(folder.write("a.gguf", small_gguf()));
  ASSERT_TRUE(opened) << message_of(opened);
  EXPECT_EQ(opened->tensor("w").error().message,
            (folder.path() / "a.gguf").string() + ": expected a tensor w, found none");
  EXPECT_EQ(
      opened->tensor("blk.0.ffn.weight").error().message,
      "a.gguf: blk.0.ffn.weight: expected one of F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, "
      "Q3_K, Q4_K, Q5_K, Q6_K, IQ2_XXS, IQ2_XS, IQ3_XXS, IQ1_S, IQ4_NL, IQ3_S, IQ2_S, IQ4_XS, "
      "IQ1_M, BF16, TQ1_0, TQ2_0, found type Q8_K, which is not supported");
}

TEST(Checkpoint, ShowsTensorsOfAnotherFileInsteadOfItsOwn) {
  const TempFolder folder;
  folder.write("config.json", kConfig);
  folder.write("model.safetensors", SafetensorsBuilder()
                                        .tensor("a", "F32", {2}, "abcdefgh")
                                        .tensor("b", "F32", {2}, "ijklmnop")
                                        .bytes());
  Result<Checkpoint> checkpoint = Checkpoint::open(folder.path());
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  Result<MappedFile> other = MappedFile::open(folder.write("other", "....wxyz"));
  ASSERT_TRUE(other) << other.error().message;
  StoredTensor replacement = *checkpoint->find("b");
  replacement.dtype = DType::kF16;
  replacement.offset = 4;
  replacement.bytes = 4;
  checkpoint->replace_tensors(*std::move(other), std::span(&replacement, 1));
  const Checkpoint moved = *std::move(checkpoint);
  const TensorView view = *moved.tensor("b");
  EXPECT_EQ(view.dtype, DType::kF16);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(view.data), view.bytes()), "wxyz");
  EXPECT_EQ(moved.tensor("a")->dtype, DType::kF32);
  EXPECT_EQ(moved.tensors().size(), 2);
  EXPECT_EQ(moved.tensor_bytes(), 12);
  EXPECT_EQ(moved.files().back().path().filename(), "other");
}

TEST(Checkpoint, SaysWhatAPathShouldHaveHeld) {
  const TempFolder folder;
  const std::string at = folder.path().string();

  const Result<Checkpoint> missing = Checkpoint::open(folder.path() / "none");
  EXPECT_EQ(message_of(missing),
            at + "/none: expected a model's folder or file, found nothing there");
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);

  EXPECT_EQ(message_of(Checkpoint::open(folder.path())),
            at + ": expected safetensors or GGUF, found an empty folder");
  folder.write("notes.txt", "hello");
  EXPECT_EQ(message_of(Checkpoint::open(folder.path())),
            at + ": expected safetensors or GGUF, found neither in the folder");
  EXPECT_EQ(message_of(Checkpoint::open(folder.path() / "notes.txt")),
            at + "/notes.txt: expected a GGUF or safetensors file, found neither");

  folder.write("pytorch_model.bin", "x");
  const Result<Checkpoint> pickle = Checkpoint::open(folder.path());
  EXPECT_EQ(message_of(pickle), at + ": expected safetensors or GGUF, found pytorch_model.bin");
  EXPECT_EQ(pickle.error().code, ErrorCode::kBadModel);

  folder.write("b.gguf", small_gguf());
  folder.write("a.gguf", small_gguf());
  EXPECT_EQ(message_of(Checkpoint::open(folder.path())),
            at + ": expected one GGUF file, found 2: a.gguf, b.gguf");

  folder.write("model.safetensors", one_tensor("w"));
  EXPECT_EQ(message_of(Checkpoint::open(folder.path())),
            at + ": expected config.json beside the weights, found none");
  folder.write("config.json", "[]");
  EXPECT_EQ(message_of(Checkpoint::open(folder.path())),
            "config.json: expected a JSON object, found an array");
}

TEST(Checkpoint, ListsTheCandidatesWhereNoneIsTheUsualOne) {
  const TempFolder folder;
  folder.write("config.json", kConfig);
  for (const char* name : {"a", "b", "c", "d", "e", "f"}) {
    folder.write(name + std::string(".safetensors"), one_tensor("w"));
  }
  EXPECT_EQ(
      message_of(Checkpoint::open(folder.path())),
      folder.path().string() +
          ": expected model.safetensors or model.safetensors.index.json, found a.safetensors, "
          "b.safetensors, c.safetensors, d.safetensors and 2 more");
}

// --- shards

TempFolder& sharded(TempFolder& folder, const std::string& weight_map) {
  folder.write("config.json", kConfig);
  folder.write("1.safetensors", one_tensor("v"));
  folder.write(
      "2.safetensors",
      SafetensorsBuilder().tensor("w", "F32", {1}, "wxyz").tensor("x", "F32", {1}, "XXXX").bytes());
  folder.write(kIndexName, R"({"metadata": {}, "weight_map": )" + weight_map + "}");
  return folder;
}

TEST(Checkpoint, TakesEachTensorFromTheShardThatTheIndexNames) {
  TempFolder folder;
  sharded(folder, R"({"w": "2.safetensors", "v": "1.safetensors"})");
  const Result<Checkpoint> opened = Checkpoint::open(folder.path());
  ASSERT_TRUE(opened) << message_of(opened);
  ASSERT_EQ(opened->tensors().size(), 2U);
  EXPECT_EQ(opened->tensors()[0].name, "v");
  EXPECT_EQ(opened->tensors()[1].name, "w");
  EXPECT_EQ(opened->tensors()[1].file, 1U);
  EXPECT_EQ(static_cast<char>(opened->tensor("w")->data[0]), 'w');
}

TEST(Checkpoint, RefusesIndexesThatLieOrEscape) {
  constexpr const char* kWant =
      ": expected the name of a .safetensors file in the same folder, found ";
  const std::string w = std::string(kIndexName) + ": weight_map.w";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"w": "3.safetensors"})",
       std::string(kIndexName) + ": expected the files that it lists, found no 3.safetensors"},
      {R"({"w": "1.safetensors"})",
       "1.safetensors: expected the tensor w that model.safetensors.index.json places there, found "
       "none"},
      {R"({"q": "2.safetensors"})",
       "2.safetensors: expected the tensor q that model.safetensors.index.json places there, found "
       "none"},
      {R"({"w": "../x.safetensors"})", w + kWant + "\"../x.safetensors\""},
      {R"({"w": "/x.safetensors"})", w + kWant + "\"/x.safetensors\""},
      {R"({"w": "a\\x.safetensors"})", w + kWant + "\"a\\x.safetensors\""},
      {R"({"w": "..safetensors"})", w + kWant + "\"..safetensors\""},
      {R"({"w": "x.safetensors\u0000"})", w + kWant + "\"x.safetensors\\x00\""},
      {R"({"w": "x\u0000.safetensors"})", w + kWant + "\"x\\x00.safetensors\""},
      {R"({"w": "config.json"})", w + kWant + "\"config.json\""},
      {R"({"w": ""})", w + kWant + "\"\""},
      {R"({"w": 1})", w + kWant + "1"},
      {R"({"w": "1.safetensors", "w": "2.safetensors"})",
       w + ": expected one file, named once, found \"2.safetensors\""},
      {R"({})",
       std::string(kIndexName) + ": weight_map: expected at least one tensor, found an object"},
      {R"([])", std::string(kIndexName) + ": weight_map: expected an object, found an array"},
  };
  for (const auto& [weight_map, message] : cases) {
    TempFolder folder;
    sharded(folder, weight_map);
    const Result<Checkpoint> opened = Checkpoint::open(folder.path());
    EXPECT_EQ(message_of(opened), message);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::kBadModel);
  }
}

}  // namespace
}  // namespace bora
