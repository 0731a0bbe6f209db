#include "quantize/quantize.h"

#include "kernels/reference/weights.h"
#include "quantize/codec.h"
#include "quantize/output_file.h"
#include "tests/formats/gguf_builder.h"
#include "tests/quantize/quantize_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

namespace bora {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using testing::bf16_data;
using testing::bytes_of;
using ::testing::HasSubstr;
using testing::kEmbedding;
using testing::kLinear;
using testing::kLong;
using testing::kNorm;
using testing::kOdd;
using testing::kRouter;
using testing::Stage;
using ::testing::StartsWith;
using testing::weight;

class Quantize : public testing::QuantizeTest {};

TEST_F(Quantize, GivesTheCodecsBlocks) {
  for (const DType dtype : {DType::kQ8_0, DType::kQ4_0}) {
    weights_ = dtype;
    const Result<Checkpoint> made = start();
    ASSERT_TRUE(made) << made.error().message;
    for (const char* name : {kLinear, kLong}) {
      const TensorView view = *made->tensor(name);
      ASSERT_EQ(view.dtype, dtype);
      std::vector<float> values(view.shape.values());
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = to_float(to_bf16(weight(i)));
      std::string expected(view.bytes(), '\0');
      for (std::size_t row = 0; row < view.shape.rows(); ++row) {
        const auto in = std::span(values).subspan(row * view.shape.columns(), view.shape.columns());
        quantize_row(dtype, in, reinterpret_cast<std::byte*>(&expected[row * view.row_bytes()]));
      }
      EXPECT_EQ(bytes_of(*made, name), expected) << name;
    }
  }
}

TEST_F(Quantize, LeavesNormsRoutersAndRowsOfNoWholeGroups) {
  const Checkpoint before = source();
  const Result<Checkpoint> made = start();
  ASSERT_TRUE(made) << made.error().message;
  for (const char* name : {kNorm, kRouter, kOdd}) {
    EXPECT_EQ(made->find(name)->dtype, DType::kBF16) << name;
    EXPECT_EQ(bytes_of(*made, name), bytes_of(before, name)) << name;
  }
  EXPECT_EQ(made->kind(), Checkpoint::Kind::kHuggingFace);
  EXPECT_EQ(made->path(), before.path());
  EXPECT_EQ(made->tensors().size(), before.tensors().size());
  EXPECT_LT(made->tensor_bytes(), before.tensor_bytes());
}

TEST_F(Quantize, KeepsTablesInInt8AlsoWithInt4) {
  weights_ = DType::kQ4_0;
  const Result<Checkpoint> made = start();
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->find(kEmbedding)->dtype, DType::kQ8_0);
  EXPECT_EQ(made->find(kLinear)->dtype, DType::kQ4_0);
}

TEST_F(Quantize, GivesTheSameBytesOnAnyNumberOfThreadsAndInMemory) {
  const Result<Checkpoint> made = start();
  ASSERT_TRUE(made) << made.error().message;
  for (const int threads : {1, 3}) {
    QuantizeOptions in_memory = options();
    in_memory.cache.clear();
    in_memory.threads = threads;
    const Result<Checkpoint> again = quantize_checkpoint(source(), in_memory);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(bytes_of(*again, kLinear), bytes_of(*made, kLinear));
    EXPECT_EQ(bytes_of(*again, kLong), bytes_of(*made, kLong));
  }
}

TEST_F(Quantize, WritesTensorsOfSeveralPanels) {
  constexpr std::size_t kRows = 1100;
  constexpr std::size_t kColumns = 4128;  // more than a piece; 1,024 pieces are a panel
  const std::string data = bf16_data(kRows * kColumns);
  testing::SafetensorsBuilder file;
  file.tensor(kLinear, "BF16", {kRows, kColumns}, data);
  write("model.safetensors", file.bytes());
  const Result<Checkpoint> made = start();
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(count(Stage::kQuantizing), 3);
  std::vector<float> row(kColumns);
  for (const std::size_t r : {std::size_t{0}, std::size_t{511}, std::size_t{512}, kRows - 1}) {
    for (std::size_t i = 0; i < kColumns; ++i) row[i] = to_float(to_bf16(weight(r * kColumns + i)));
    std::string expected(row_bytes(DType::kQ8_0, kColumns), '\0');
    quantize_row(DType::kQ8_0, row, reinterpret_cast<std::byte*>(expected.data()));
    EXPECT_EQ(bytes_of(*made, kLinear).substr(r * expected.size(), expected.size()), expected) << r;
  }
}

TEST_F(Quantize, ReadsShardsAndOtherTypes) {
  testing::SafetensorsBuilder one;
  one.tensor(kLinear, "F32", {1, 32}, std::string(128, '\0'));
  testing::SafetensorsBuilder two;
  two.tensor(kLong, "F16", {1, 32}, std::string(64, '<'));  // 0x3c3c: 1.0586
  write("model-1.safetensors", one.bytes());
  write("model-2.safetensors", two.bytes());
  write("model.safetensors.index.json", std::string(R"({"weight_map": {")") + kLinear +
                                            R"(": "model-1.safetensors", ")" + kLong +
                                            R"(": "model-2.safetensors"}})");
  QuantizeOptions wanted = options();
  const Result<Checkpoint> made = quantize_checkpoint(opened(model_), wanted);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->find(kLinear)->dtype, DType::kQ8_0);
  EXPECT_EQ(bytes_of(*made, kLong).substr(2), std::string(32, '\x7f'));
  ASSERT_TRUE(quantize_checkpoint(opened(model_), wanted));
}

TEST_F(Quantize, ReadsGgufFilesAndKeepsWhatHasTheTypeAlready) {
  testing::GgufBuilder file;
  file.text("general.architecture", "llama");
  file.tensor("blk.0.ffn_up.weight", {32, 2}, 8, std::string(68, '\1'));    // q8_0
  file.tensor("blk.0.ffn_down.weight", {32, 2}, 3, std::string(40, '\0'));  // q4_1
  file.tensor("token_embd.weight", {32, 2}, 3, std::string(40, '\0'));
  const fs::path path = folder_.write("m.gguf", file.bytes());
  const Result<Checkpoint> int8 = quantize_checkpoint(opened(path), options());
  ASSERT_TRUE(int8) << int8.error().message;
  EXPECT_EQ(int8->kind(), Checkpoint::Kind::kGguf);
  EXPECT_EQ(*int8->metadata().get_string("general.architecture"), "llama");
  EXPECT_EQ(int8->find("blk.0.ffn_up.weight")->file, 0);  // where it was
  EXPECT_EQ(int8->find("blk.0.ffn_down.weight")->file, 1);
  EXPECT_EQ(int8->find("blk.0.ffn_down.weight")->dtype, DType::kQ8_0);
  weights_ = DType::kQ4_0;
  const Result<Checkpoint> int4 = quantize_checkpoint(opened(path), options());
  ASSERT_TRUE(int4) << int4.error().message;
  EXPECT_EQ(int4->find("blk.0.ffn_up.weight")->dtype, DType::kQ4_0);
  EXPECT_EQ(int4->find("token_embd.weight")->dtype, DType::kQ4_1);  // int8 would only be larger
}

TEST_F(Quantize, WidensBlockTypesAsTheReferenceDoes) {
  constexpr std::size_t kRows = 3;
  constexpr std::size_t kColumns = 256;
  for (const DType stored : {DType::kQ4_1, DType::kQ4K, DType::kQ6K}) {
    // Bytes below 0x40 keep every f16 among them small, wherever a block has it.
    std::string data(kRows * row_bytes(stored, kColumns), '\0');
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 89 % 47);
    testing::GgufBuilder file;
    file.text("general.architecture", "llama");
    file.tensor("blk.0.ffn_up.weight", {kColumns, kRows},
                static_cast<std::uint32_t>(info(stored).ggml_type), data);
    const fs::path path = folder_.write(std::string(info(stored).name) + ".gguf", file.bytes());
    const Result<Checkpoint> made = quantize_checkpoint(opened(path), options());
    ASSERT_TRUE(made) << made.error().message;
    std::string expected;
    for (std::size_t row = 0; row < kRows; ++row) {
      const auto* in =
          reinterpret_cast<const std::byte*>(data.data()) + row * row_bytes(stored, kColumns);
      std::vector<float> values(kColumns);
      for (std::size_t k = 0; k < kColumns; ++k) {
        values[k] = static_cast<float>(kernels::reference::weight_value(stored, in, k));
      }
      std::string blocks(row_bytes(DType::kQ8_0, kColumns), '\0');
      quantize_row(DType::kQ8_0, values, reinterpret_cast<std::byte*>(blocks.data()));
      expected += blocks;
    }
    EXPECT_EQ(bytes_of(*made, "blk.0.ffn_up.weight"), expected) << info(stored).name;
  }
}

TEST_F(Quantize, NamesTheWeightThatCannotBe) {
  const std::vector<std::tuple<float, DType, std::string>> cases = {
      {std::numeric_limits<float>::quiet_NaN(), DType::kQ8_0, "found nan at [3, 5]"},
      {-std::numeric_limits<float>::infinity(), DType::kQ4_0, "found -inf at [3, 5]"},
      {1e7F, DType::kQ8_0, "at most 8319008 in magnitude, found 1"},
      {1e6F, DType::kQ4_0, "at most 524032 in magnitude, found 9"},
  };
  for (const auto& [bad, dtype, expected] : cases) {
    weights_ = dtype;
    const Bf16 value = to_bf16(bad);
    fs::remove(model_ / "model.safetensors");
    std::memcpy(&data_[kLinear][2 * (3 * 64 + 5)], &value, sizeof value);
    const Result<Checkpoint> made = start();
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::kBadModel);
    EXPECT_THAT(made.error().message,
                AllOf(StartsWith("tiny: " + std::string(kLinear)), HasSubstr(expected)));
    EXPECT_FALSE(fs::exists(place().file));
    EXPECT_FALSE(fs::exists(OutputFile::unfinished(place().file)));
  }
}

TEST_F(Quantize, TakesOnlyTypesWithACodec) {
  weights_ = DType::kQ4_1;
  const Result<Checkpoint> made = start();
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kUsage);
}

}  // namespace
}  // namespace bora
