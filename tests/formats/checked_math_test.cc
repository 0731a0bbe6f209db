#include "formats/checked_math.h"

#include <gtest/gtest.h>

namespace bora {
namespace {

constexpr std::uint64_t kMax = UINT64_MAX;

TEST(CheckedMath, GivesResultsThatFit) {
  EXPECT_EQ(checked_multiply(kMax / 3, 3), kMax);
  EXPECT_EQ(checked_multiply(kMax, 0), 0U);
  EXPECT_EQ(checked_add(kMax - 1, 1), kMax);
  EXPECT_EQ(checked_align(0, 32), 0U);
  EXPECT_EQ(checked_align(1, 32), 32U);
  EXPECT_EQ(checked_align(kMax - 31, 32), kMax - 31);
}

TEST(CheckedMath, GivesNothingWhereTheResultDoesNotFit) {
  EXPECT_EQ(checked_multiply(kMax / 2, 3), std::nullopt);
  EXPECT_EQ(checked_add(kMax, 1), std::nullopt);
  EXPECT_EQ(checked_align(kMax - 30, 32), std::nullopt);
}

TEST(CheckedMath, PassesOnThatAnOperandIsAbsent) {
  EXPECT_EQ(checked_multiply(checked_add(kMax, 1), 0), std::nullopt);
  EXPECT_EQ(checked_add(1, std::nullopt), std::nullopt);
}

}  // namespace
}  // namespace bora
