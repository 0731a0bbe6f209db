#include "plan/kv_blocks.h"

#include "plan/byte_count.h"

#include <gtest/gtest.h>

namespace bora {
namespace {

// Mistral-7B-v0.1: 32 layers, 8 heads of 128.
constexpr KvShape kMistral{
    .num_layers = 32, .num_kv_heads = 8, .head_dim = 128, .sliding_window = 4096};

TEST(KvBlocks, HoldTheWholeContextWithoutAWindow) {
  EXPECT_EQ(kv_blocks_needed(1, 0, 512, 64), 1U);
  EXPECT_EQ(kv_blocks_needed(64, 0, 512, 64), 1U);
  EXPECT_EQ(kv_blocks_needed(65, 0, 512, 64), 2U);
  EXPECT_EQ(kv_blocks_needed(32768, 0, 512, 64), 512U);
}

TEST(KvBlocks, HoldNoMoreThanTheWindowNeeds) {
  EXPECT_EQ(kv_blocks_needed(32768, 4096, 512, 64), 73U) << "(4095 + 512) / 64, one for the ends";
  EXPECT_EQ(kv_blocks_needed(32768, 4096, 1, 64), 65U);
  EXPECT_EQ(kv_blocks_needed(1 << 30, 4096, 512, 64), 73U) << "whatever the context";
  EXPECT_EQ(kv_blocks_needed(1000, 4096, 512, 64), 16U) << "a context below the window";
}

TEST(KvBlocks, TakeTheBytesOfTheirValues) {
  EXPECT_EQ(kv_bytes(kMistral, DType::kF16, 1, 1), 131072U) << "Mistral's 128 KiB a position";
  EXPECT_EQ(kv_bytes(kMistral, DType::kF32, 73, 64), 73U * 64 * 262144);
}

TEST(KvBlocks, CountAsUncountableWhereNoNumberHoldsThem) {
  const KvShape huge{
      .num_layers = 1 << 14, .num_kv_heads = 1 << 14, .head_dim = 1 << 10, .sliding_window = 0};
  const std::size_t blocks = kv_blocks_needed(1 << 30, 0, 512, 64);
  EXPECT_EQ(kv_bytes(huge, DType::kF32, blocks, 64), kUncountable);
  EXPECT_EQ(kv_bytes(kMistral, DType::kF16, std::size_t{1} << 31, 64), kUncountable)
      << "a block's number has 32 bits";
}

}  // namespace
}  // namespace bora
