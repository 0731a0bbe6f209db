#include "model/convert.h"

#include "base/float16.h"
#include "formats/checkpoint.h"
#include "model/registry.h"
#include "tests/base/temp_folder.h"
#include "tests/formats/gguf_builder.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace bora {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::GgufBuilder;
using ::testing::HasSubstr;
using testing::TempFolder;

constexpr std::uint32_t kF32 = 0;
constexpr std::uint32_t kQ5_0 = 6;
constexpr std::uint32_t kQ5_1 = 7;
constexpr std::uint32_t kQ8_K = 15;
constexpr std::uint32_t kIq4Nl = 20;
constexpr std::uint64_t kHidden = 256;

// `rows` x 256 zeros of the type, with `scale` as the f16 that begins each block.
std::string matrix(std::uint32_t type, std::uint64_t rows, F16 scale) {
  const std::size_t block_bytes = type == kQ5_0 ? 22 : type == kQ5_1 ? 24 : type == kIq4Nl ? 18 : 0;
  if (type == kQ8_K) return std::string(rows * 292, '\0');
  std::string block(block_bytes, '\xFF');
  std::memcpy(block.data(), &scale, sizeof(scale));
  if (type == kQ5_1) std::memcpy(block.data() + 2, &scale, sizeof(scale));
  std::string data;
  for (std::uint64_t i = 0; i < rows * kHidden / 32; ++i) data += block;
  return data;
}

// A Llama of one layer, whose ffn_down has type `down` and all other matrices Q5_0.
std::filesystem::path write_model(const TempFolder& folder, std::uint32_t down,
                                  F16 scale = to_f16(0.01F)) {
  GgufBuilder file;
  file.text("general.architecture", "llama");
  for (const char* key : {"embedding_length", "feed_forward_length"}) {
    file.value(fmt::format("llama.{}", key), MetadataType::kUint32,
               static_cast<std::uint32_t>(kHidden));
  }
  const std::pair<const char*, std::uint32_t> counts[] = {
      {"block_count", 1},     {"attention.head_count", 4}, {"attention.head_count_kv", 4},
      {"context_length", 64}, {"vocab_size", 8},           {"rope.dimension_count", 64}};
  for (const auto& [key, number] : counts) {
    file.value(fmt::format("llama.{}", key), MetadataType::kUint32, number);
  }
  file.value("llama.attention.layer_norm_rms_epsilon", MetadataType::kFloat32, 1e-5F);
  for (const char* norm : {"blk.0.attn_norm", "blk.0.ffn_norm", "output_norm"}) {
    file.tensor(fmt::format("{}.weight", norm), {kHidden}, kF32, std::string(kHidden * 4, '\0'));
  }
  for (const char* name : {"attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up"}) {
    file.tensor(fmt::format("blk.0.{}.weight", name), {kHidden, kHidden}, kQ5_0,
                matrix(kQ5_0, kHidden, to_f16(0.01F)));
  }
  file.tensor("blk.0.ffn_down.weight", {kHidden, kHidden}, down, matrix(down, kHidden, scale));
  file.tensor("token_embd.weight", {kHidden, 8}, kQ5_0, matrix(kQ5_0, 8, to_f16(0.01F)));
  return folder.write("model.gguf", file.bytes());
}

TEST(Widening, IsCountedBeforeItIsDoneAndNamed) {
  const TempFolder folder;
  const Result<Checkpoint> checkpoint = Checkpoint::open(write_model(folder, kIq4Nl));
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  const std::size_t values = 7 * kHidden * kHidden + 8 * kHidden;
  const auto outline = outline_model(*checkpoint, std::nullopt);
  ASSERT_TRUE(outline) << outline.error().message;
  EXPECT_EQ((*outline)->converted_bytes(), row_bytes(DType::kQ8_0, values));
  const auto model = load_model(*checkpoint, {.threads = 2});
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ((*model)->owned_bytes(), (*outline)->converted_bytes());
  EXPECT_EQ((*model)->weight_type(), "q8_0");
  EXPECT_EQ(widening_note(*checkpoint),
            "8 of 11 tensors (IQ4_NL, Q5_0) are widened at load, 0 MB to 0 MB of memory");
}

TEST(Widening, GoesStraightToATypeThatIsAskedFor) {
  const TempFolder folder;
  const Result<Checkpoint> checkpoint = Checkpoint::open(write_model(folder, kQ5_1));
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  const auto model = load_model(*checkpoint, {.weights = DType::kBF16, .threads = 1});
  ASSERT_TRUE(model) << model.error().message;
  const std::size_t values = 7 * kHidden * kHidden + 8 * kHidden;
  EXPECT_EQ((*model)->owned_bytes(), row_bytes(DType::kBF16, values));
  Bf16 first;
  std::memcpy(&first, (*model)->weights().front().data, sizeof(first));
  EXPECT_EQ(to_float(first), to_float(to_bf16(15 * to_float(to_f16(0.01F)))));
}

TEST(Widening, RefusesValuesThatF16CannotHold) {
  const TempFolder folder;
  const Result<Checkpoint> checkpoint =
      Checkpoint::open(write_model(folder, kQ5_1, to_f16(60000.0F)));
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  const auto model = load_model(*checkpoint, {});
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, ErrorCode::kBadModel);
  EXPECT_EQ(model.error().message,
            "blk.0.ffn_down.weight: expected values that f16 can hold, found larger ones");
}

TEST(Widening, RefusesOtherTypesByNameAndSaysWhichThereAre) {
  const TempFolder folder;
  const Result<Checkpoint> checkpoint = Checkpoint::open(write_model(folder, kQ8_K));
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  const auto model = load_model(*checkpoint, {});
  ASSERT_FALSE(model);
  EXPECT_THAT(model.error().message,
              HasSubstr("blk.0.ffn_down.weight has type Q8_K, which is not supported"));
  EXPECT_THAT(model.error().hints,
              ElementsAre(AllOf(HasSubstr("supported types: F32, F16"), HasSubstr("IQ4_XS"))));
}

}  // namespace
}  // namespace bora
