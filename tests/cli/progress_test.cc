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

TEST(Progress, SaysHowFarQuantizingIsAndHowLongItTakes) {
  QuantizeProgress progress{.stage = QuantizeProgress::Stage::kQuantizing,
                            .tensors_done = 89,
                            .tensors = 211,
                            .bytes_done = 6'100'000'000,
                            .bytes = 14'500'000'000};
  EXPECT_EQ(describe_progress(progress, 10.2),
            "quantizing weights 42 %, tensor 90 of 211, 6.1 of 14.5 GB, 10 s, 14 s left");
  progress.tensors_done = 211;
  progress.bytes_done = progress.bytes;
  EXPECT_EQ(describe_progress(progress, 24.0),
            "quantizing weights 100 %, tensor 211 of 211, 14.5 of 14.5 GB, 24 s, 0 s left");
  progress = {.stage = QuantizeProgress::Stage::kChecking, .tensors = 211, .bytes = 7'000'000'000};
  EXPECT_EQ(describe_progress(progress, 0.4),
            "checking the cached weights 0 %, tensor 1 of 211, 0.0 of 7.0 GB, 0 s");
}

TEST(Progress, SaysWhomItWaitsFor) {
  EXPECT_EQ(describe_progress({.stage = QuantizeProgress::Stage::kWaiting}, 3.0),
            "waiting for another bora that quantizes the same weights, 3 s");
}

}  // namespace
}  // namespace bora
