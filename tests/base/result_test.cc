#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace bora {
namespace {

Result<std::unique_ptr<int>> half_of(int value) {
  if (value % 2 != 0) return Error{ErrorCode::kUsage, "value: expected an even one", {}};
  return std::make_unique<int>(value / 2);
}

TEST(Result, HoldsAMoveOnlyValue) {
  auto result = half_of(42);
  ASSERT_TRUE(result);
  const std::unique_ptr<int> value = std::move(result).value();
  EXPECT_EQ(*value, 21);
}

TEST(Result, HoldsAnErrorThatGainsContext) {
  auto result = half_of(41);
  ASSERT_FALSE(result);
  const Error error = std::move(result).error().with_context("prompt");
  EXPECT_EQ(error.code, ErrorCode::kUsage);
  EXPECT_EQ(error.message, "prompt: value: expected an even one");
}

TEST(Result, OfVoidIsSuccessByDefault) {
  Result<void> done;
  EXPECT_TRUE(done);
  done = Error{ErrorCode::kFailed, "disk: full", {}};
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message, "disk: full");
}

TEST(ResultDeathTest, ValueOfAnErrorNamesTheError) {
  EXPECT_DEATH(static_cast<void>(half_of(41).value()), "expected an even one");
}

}  // namespace
}  // namespace bora
