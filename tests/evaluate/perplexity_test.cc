#include "evaluate/perplexity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <numeric>

namespace bora {
namespace {

TEST(CutWindows, OverlapByOneTokenSoThatEachIsPredictedOnce) {
  std::vector<TokenId> ids(10);
  std::iota(ids.begin(), ids.end(), 0);
  const auto windows = cut_windows(ids, 4);
  ASSERT_EQ(windows.size(), 3);
  EXPECT_THAT(windows[0], ::testing::ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(windows[1], ::testing::ElementsAre(3, 4, 5, 6));
  EXPECT_THAT(windows[2], ::testing::ElementsAre(6, 7, 8, 9));
}

TEST(CutWindows, PredictEveryTokenButTheFirstWhateverTheSize) {
  std::vector<TokenId> ids(23);
  std::iota(ids.begin(), ids.end(), 0);
  for (std::size_t size = 2; size <= 25; ++size) {
    std::size_t predicted = 0;
    for (const auto window : cut_windows(ids, size)) {
      EXPECT_LE(window.size(), size);
      EXPECT_EQ(static_cast<std::size_t>(window.front()), predicted) << "size " << size;
      predicted += window.size() - 1;
    }
    EXPECT_EQ(predicted, 22) << "size " << size;
  }
}

TEST(KlDivergence, IsZeroForEqualDistributionsAndForShiftedLogits) {
  const std::array<float, 3> q = {1.0F, 2.0F, -3.0F};
  const std::array<float, 3> shifted = {11.0F, 12.0F, 7.0F};
  EXPECT_EQ(kl_divergence(q, q), 0.0);
  EXPECT_NEAR(kl_divergence(q, shifted), 0.0, 1e-12);
}

TEST(KlDivergence, IsTheSumOfItsDefinition) {
  const std::array<float, 2> q = {std::log(0.75F), std::log(0.25F)};
  const std::array<float, 2> p = {std::log(0.5F), std::log(0.5F)};
  const double expected = 0.75 * std::log(0.75 / 0.5) + 0.25 * std::log(0.25 / 0.5);
  EXPECT_NEAR(kl_divergence(q, p), expected, 1e-7);
}

TEST(KlDivergence, LeavesOutTokensThatTheReferenceExcludes) {
  const float never = -std::numeric_limits<float>::infinity();
  const std::array<float, 3> q = {0.0F, 0.0F, never};
  const std::array<float, 3> p = {0.0F, 0.0F, 0.0F};
  EXPECT_NEAR(kl_divergence(q, p), std::log(1.5), 1e-7);
}

}  // namespace
}  // namespace bora
