#include "base/float16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>

namespace bora {
namespace {

TEST(Float16, EveryF16ValueSurvivesTheRoundTrip) {
  for (std::uint32_t bits = 0; bits <= 0xFFFF; ++bits) {
    const F16 half{static_cast<std::uint16_t>(bits)};
    const float value = to_float(half);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(to_float(to_f16(value))));
    } else {
      EXPECT_EQ(to_f16(value).bits, bits) << value;
    }
  }
}

TEST(Float16, EveryBf16ValueSurvivesTheRoundTrip) {
  for (std::uint32_t bits = 0; bits <= 0xFFFF; ++bits) {
    const Bf16 half{static_cast<std::uint16_t>(bits)};
    const float value = to_float(half);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(to_float(to_bf16(value))));
    } else {
      EXPECT_EQ(to_bf16(value).bits, bits) << value;
    }
  }
}

TEST(Float16, F16AgreesWithTheCompilersConversionOnAllMidpoints) {
  for (std::uint32_t bits = 0; bits < 0x7C00; ++bits) {
    const double low = to_float(F16{static_cast<std::uint16_t>(bits)});
    const double high =
        bits + 1 == 0x7C00 ? 65536.0 : to_float(F16{static_cast<std::uint16_t>(bits + 1)});
    const auto middle = static_cast<float>((low + high) / 2);  // exact: one more bit
    const std::uint32_t even = (bits & 1U) == 0 ? bits : bits + 1;
    EXPECT_EQ(to_f16(middle).bits, even) << middle;
    EXPECT_EQ(to_f16(std::nextafter(middle, 0.0F)).bits, bits) << middle;
    EXPECT_EQ(to_f16(std::nextafter(middle, 1e6F)).bits, bits + 1) << middle;
  }
}

TEST(Float16, Bf16RoundsMidpointsToEven) {
  EXPECT_EQ(to_bf16(1.00390625F).bits, 0x3F80);  // midway between 1 and 1 + 2^-7
  EXPECT_EQ(to_bf16(1.01171875F).bits, 0x3F82);  // midway between 1 + 2^-7 and 1 + 2^-6
  EXPECT_EQ(to_bf16(3.4e38F).bits, 0x7F80);      // above the largest finite value: infinity
}

}  // namespace
}  // namespace bora
