#include "formats/packed.h"

#include "base/float16.h"
#include "formats/ggml_types.h"
#include "tensor/blocks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

namespace bora {
namespace {

constexpr std::uint32_t kQ5_1 = 7;
constexpr std::uint32_t kIq4Xs = 23;
constexpr std::uint32_t kIq4Nl = 20;

void put_f16(std::string& bytes, std::size_t at, F16 half) {
  std::memcpy(bytes.data() + at, &half, sizeof(half));
}

// Widens one block; `fits` where wanted.
std::vector<std::byte> widened(std::uint32_t ggml_type, const std::string& block,
                               bool* fits = nullptr) {
  const PackedType& type = *find_packed_type(ggml_type);
  EXPECT_EQ(block.size(), type.block_bytes);
  std::vector<std::byte> out(row_bytes(type.widened, type.block_values));
  const bool all_fit = widen_packed_row(type, reinterpret_cast<const std::byte*>(block.data()),
                                        type.block_values, out.data());
  if (fits != nullptr) *fits = all_fit;
  return out;
}

TEST(PackedTypes, AgreeWithTheTableOfGgmlTypes) {
  for (const PackedType& packed : packed_types()) {
    const auto type = find_ggml_type(packed.ggml_type);
    ASSERT_TRUE(type) << packed.ggml_type;
    EXPECT_EQ(type->block_values, packed.block_values) << type->name;
    EXPECT_EQ(type->block_bytes, packed.block_bytes) << type->name;
    EXPECT_EQ(packed.block_values % info(packed.widened).block_values, 0U) << type->name;
    EXPECT_FALSE(dtype_from_ggml(packed.ggml_type)) << type->name << ": computed with as it is";
  }
  EXPECT_EQ(find_packed_type(0), nullptr);
  EXPECT_EQ(find_packed_type(9), nullptr);
}

// Products of a subnormal f16 and a whole number are whole numbers of 2^-24, and so f16.
TEST(PackedTypes, LoseNothingOfTheSmallestScales) {
  std::string block(136, '\0');
  put_f16(block, 0, F16{3});  // 3 * 2^-24
  for (std::size_t i = 4; i < 8; ++i) block[i] = '\x55';
  const std::vector<std::byte> out = widened(kIq4Xs, block);
  BlockQ8_0 first;
  std::memcpy(&first, out.data(), sizeof(first));
  EXPECT_EQ(to_float(first.scale), 3.0F * 0x1p-24F * (5 - 32));
  EXPECT_EQ(first.quants[0], -127);
}

TEST(PackedTypes, SayWhereF16CannotHoldAValue) {
  bool fits = true;
  std::string large(24, '\xFF');  // 31 * 60000 + 60000
  put_f16(large, 0, to_f16(60000.0F));
  put_f16(large, 2, to_f16(60000.0F));
  widened(kQ5_1, large, &fits);
  EXPECT_FALSE(fits);
  put_f16(large, 0, to_f16(100.0F));
  widened(kQ5_1, large, &fits);
  EXPECT_TRUE(fits);
}

TEST(PackedTypes, TakeInfinityAndNanAsTheyCome) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float scale : {infinity, std::numeric_limits<float>::quiet_NaN()}) {
    bool fits = false;
    std::string block(18, '\x13');
    put_f16(block, 0, to_f16(scale));
    const std::vector<std::byte> out = widened(kIq4Nl, block, &fits);
    EXPECT_TRUE(fits);
    BlockQ8_0 q8_0;
    std::memcpy(&q8_0, out.data(), sizeof(q8_0));
    EXPECT_FALSE(std::isfinite(to_float(q8_0.scale)));
  }
}

// Any bytes are a block: no index leaves its book.
TEST(PackedTypes, WidenAnyBytes) {
  for (const PackedType& type : packed_types()) {
    for (int fill = 0; fill < 256; ++fill) {
      const std::string block(type.block_bytes, static_cast<char>(fill));
      EXPECT_EQ(widened(type.ggml_type, block).size(), row_bytes(type.widened, type.block_values));
    }
  }
}

}  // namespace
}  // namespace bora
