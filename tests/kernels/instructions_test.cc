// The emulated instructions against results that are known: recorded from a Zen 4 (EPYC, family 25
// model 17) where the Intel 64 manual leaves room, worked out by hand elsewhere.
#include "kernels/cpu/emulated/bf16_instructions.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

namespace bora::kernels {
namespace {

std::uint32_t bits(float value) { return std::bit_cast<std::uint32_t>(value); }

TEST(EmulatedInstructions, NarrowToF16) {
  struct Case {
    float value;
    std::uint16_t half;
  };
  const Case cases[] = {
      {1.0F, 0x3C00},       {-2.0F, 0xC000},    {0x1.004p0F, 0x3C01},   {0x1.002p0F, 0x3C00},
      {0x1.006p0F, 0x3C02}, {65504.0F, 0x7BFF}, {65519.99F, 0x7BFF},    {65520.0F, 0x7C00},
      {1e9F, 0x7C00},       {0x1p-14F, 0x0400}, {0x1.ff8p-15F, 0x03FF}, {0x1.ffcp-15F, 0x0400},
      {0x1p-24F, 0x0001},   {0x1p-25F, 0x0000}, {0x1.8p-24F, 0x0002},   {0x1.000002p-25F, 0x0001},
      {-0x1p-26F, 0x8000},  {1e-42F, 0x0000},   {-0.0F, 0x8000},        {INFINITY, 0x7C00},
      {-INFINITY, 0xFC00},
  };
  for (const Case& c : cases) EXPECT_EQ(emulated::narrow_f16(c.value), c.half) << c.value;
  EXPECT_EQ(emulated::narrow_f16(std::bit_cast<float>(0x7F802001U)), 0x7E01);
}

TEST(EmulatedInstructions, WidenF16) {
  EXPECT_EQ(emulated::widen_f16(0x3C01), 0x1.004p0F);
  EXPECT_EQ(emulated::widen_f16(0x0001), 0x1p-24F);
  EXPECT_EQ(emulated::widen_f16(0x83FF), -0x1.ff8p-15F);
  EXPECT_EQ(emulated::widen_f16(0xFC00), -INFINITY);
  EXPECT_EQ(bits(emulated::widen_f16(0x7C01)), 0x7FC02000U);  // quiet
  EXPECT_EQ(bits(emulated::widen_f16(0x8000)), 0x80000000U);
}

TEST(EmulatedInstructions, NarrowToBf16) {
  EXPECT_EQ(emulated::narrow_bf16(0x1.01p0F), 0x3F80);  // a tie
  EXPECT_EQ(emulated::narrow_bf16(0x1.03p0F), 0x3F82);
  EXPECT_EQ(emulated::narrow_bf16(0x1.010002p0F), 0x3F81);
  EXPECT_EQ(emulated::narrow_bf16(0x1.fffffep127F), 0x7F80);
  EXPECT_EQ(emulated::narrow_bf16(std::bit_cast<float>(0x7F800001U)), 0x7FC0);
  EXPECT_EQ(emulated::narrow_bf16(std::bit_cast<float>(0x007FFFFFU)), 0x0080);
}

// Upper and lower bf16 of a lane; the values have no more than eight bits.
std::uint32_t pair(float upper, float lower) { return bits(upper) | bits(lower) >> 16; }

TEST(EmulatedInstructions, DotOfBf16AddsTheUpperProductFirstAndRoundsTwice) {
  EXPECT_EQ(emulated::dot_bf16(1.0F, pair(0x1p-24F, 0x1p-24F), pair(1, 1)), 1.0F);
  EXPECT_EQ(emulated::dot_bf16(0x1p-24F, pair(1, 0x1p-24F), pair(1, 1)), 1.0F);
  EXPECT_EQ(emulated::dot_bf16(0x1p-24F, pair(0x1p-24F, 1), pair(1, 1)), 0x1.000002p0F);
  EXPECT_EQ(emulated::dot_bf16(0.0F, pair(0x1p100F, -0x1p100F), pair(0x1p100F, 1)), INFINITY);
  EXPECT_TRUE(std::isnan(emulated::dot_bf16(0.0F, pair(INFINITY, 0), pair(0x1p-130F, 0))));
}

TEST(EmulatedInstructions, DotOfBf16TakesSubnormalsForZero) {
  constexpr float kSmallest = 0x1p-126F;
  EXPECT_EQ(emulated::dot_bf16(0.0F, pair(0x1p-127F, 0), pair(0x1p100F, 0)), 0.0F);
  EXPECT_EQ(emulated::dot_bf16(0x1p-127F, pair(kSmallest, 0), pair(1, 0)), kSmallest);
  // The upper product alone is too small, though both together are not.
  const std::uint32_t halves = pair(0x1p-64F, 0x1p-63F);
  EXPECT_EQ(emulated::dot_bf16(0.0F, halves, pair(0x1p-63F, 0x1p-63F)), kSmallest);
  EXPECT_EQ(bits(emulated::dot_bf16(0.0F, pair(1, -0x1p-64F), pair(0, 0x1p-64F))), 0x80000000U);
  // Just below the smallest: a tie rounds up to it, less does not.
  EXPECT_EQ(emulated::dot_bf16(kSmallest, pair(0, 0x1p-75F), pair(0, -0x1p-76F)), kSmallest);
  EXPECT_EQ(emulated::dot_bf16(kSmallest, pair(0, 0x1.02p-75F), pair(0, -0x1p-76F)), 0.0F);
  EXPECT_EQ(emulated::dot_bf16(-kSmallest, pair(0, 0x1.8p-75F), pair(0, 0x1p-76F)), 0.0F);
}

TEST(EmulatedInstructions, RoundToBf16TakesSubnormalsForZero) {
  EXPECT_EQ(emulated::round_bf16(std::bit_cast<float>(0x807FFFFFU)), 0x8000);
  EXPECT_EQ(emulated::round_bf16(0x1p-126F), 0x0080);
  EXPECT_EQ(emulated::round_bf16(0x1.01p0F), 0x3F80);
  EXPECT_EQ(emulated::round_bf16(0x1.03p0F), 0x3F82);
  EXPECT_EQ(emulated::round_bf16(std::bit_cast<float>(0xFF812345U)), 0xFFC1);
}

TEST(EmulatedInstructions, RoundToInt) {
  EXPECT_EQ(emulated::round_to_int(2.5F), 2);
  EXPECT_EQ(emulated::round_to_int(-3.5F), -4);
  EXPECT_EQ(emulated::round_to_int(0x1p31F), INT32_MIN);
  EXPECT_EQ(emulated::round_to_int(NAN), INT32_MIN);
}

TEST(EmulatedInstructions, DotOfBytesTakesTheFirstUnsignedAndWraps) {
  EXPECT_EQ(emulated::dot_u8_i8(1, 0x01020304, 0x01FF02FE), 1 + 1 - 2 + 6 - 8);
  EXPECT_EQ(emulated::dot_u8_i8(0, -1, static_cast<std::int32_t>(0x80808080U)), 4 * 255 * -128);
  EXPECT_EQ(emulated::dot_u8_i8(INT32_MAX, 1, 1), INT32_MIN);
}

}  // namespace
}  // namespace bora::kernels
