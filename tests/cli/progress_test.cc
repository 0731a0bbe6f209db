#include "cli/progress.h"

#include <gtest/gtest.h>

namespace bora {
namespace {

TEST(Progress, SaysHowMuchHasBeenRead) {
  EXPECT_EQ(
      describe_progress(
          {.done_bytes = 6'100'000'000, .total_bytes = 14'500'000'000, .finished = false}, 10.2),
      "reading weights 42 %, 6.1 of 14.5 GB, 10 s");
}

TEST(Progress, SaysNothingWhereNothingIsLeft) {
  EXPECT_EQ(describe_progress({.done_bytes = 5, .total_bytes = 5, .finished = true}, 3.0), "");
  EXPECT_EQ(describe_progress({.done_bytes = 0, .total_bytes = 0, .finished = false}, 3.0), "");
}

}  // namespace
}  // namespace bora
