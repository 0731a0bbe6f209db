#include "tensor/dtype.h"

#include <gtest/gtest.h>

namespace bora {
namespace {

TEST(DType, IsFoundByTheSpellingOfEachFormat) {
  EXPECT_EQ(dtype_from_safetensors("BF16"), DType::kBF16);
  EXPECT_EQ(dtype_from_safetensors("Q4_0"), std::nullopt);
  EXPECT_EQ(dtype_from_safetensors(""), std::nullopt);
  for (const DTypeInfo& row : kDTypes) {
    EXPECT_EQ(dtype_from_ggml(static_cast<std::uint32_t>(row.ggml_type)), row.dtype) << row.name;
  }
  EXPECT_EQ(dtype_from_ggml(39), std::nullopt);
}

TEST(DType, KnowsTheBytesOfARow) {
  EXPECT_EQ(row_bytes(DType::kBF16, 4096), 8192U);
  EXPECT_EQ(row_bytes(DType::kQ8_0, 4096), 4352U);
  EXPECT_EQ(row_bytes(DType::kQ4_1, 64), 40U);
  EXPECT_EQ(row_bytes(DType::kQ6K, 512), 420U);
}

TEST(DTypeDeathTest, RefusesPartOfABlock) { EXPECT_DEATH(row_bytes(DType::kQ8_0, 33), "whole"); }

}  // namespace
}  // namespace bora
