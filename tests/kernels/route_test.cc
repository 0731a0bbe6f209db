#include "kernels/route.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace bora::kernels {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;

struct Routes {
  std::vector<std::int32_t> experts;
  std::vector<float> weights;
};

Routes routes_of(const std::vector<float>& logits, std::size_t experts, std::size_t chosen) {
  const std::size_t tokens = logits.size() / experts;
  Routes routes{std::vector<std::int32_t>(tokens * chosen), std::vector<float>(tokens * chosen)};
  route({logits.data(), tokens, experts, chosen, routes.experts.data(), routes.weights.data()});
  return routes;
}

TEST(Route, ChoosesTheGreatestLogitsInTheOrderOfTheirNumbers) {
  const Routes routes = routes_of({0.5F, 3.0F, -1.0F, 2.0F, /**/ 9.0F, 1.0F, 2.0F, 3.0F}, 4, 2);
  EXPECT_THAT(routes.experts, ElementsAre(1, 3, 0, 3));
  const auto first = static_cast<float>(1.0 / (1.0 + std::exp(-1.0)));
  EXPECT_FLOAT_EQ(routes.weights[0], first);
  EXPECT_FLOAT_EQ(routes.weights[1], 1.0F - first);
}

TEST(Route, WeighsAsTheSoftmaxOverAllMadeToSumToOne) {
  const std::vector<float> logits = {0.25F, -1.5F, 2.0F, 0.75F, 1.0F};
  double sum = 0.0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit));
  const auto share = [&](std::size_t e) { return std::exp(static_cast<double>(logits[e])) / sum; };
  const double chosen = share(2) + share(3) + share(4);
  const Routes routes = routes_of(logits, 5, 3);
  EXPECT_THAT(routes.experts, ElementsAre(2, 3, 4));
  EXPECT_THAT(routes.weights, ElementsAre(FloatNear(static_cast<float>(share(2) / chosen), 1e-7F),
                                          FloatNear(static_cast<float>(share(3) / chosen), 1e-7F),
                                          FloatNear(static_cast<float>(share(4) / chosen), 1e-7F)));
}

TEST(Route, TakesTheLowerNumberOfEqualLogits) {
  EXPECT_THAT(routes_of({1.0F, 2.0F, 2.0F, 2.0F}, 4, 2).experts, ElementsAre(1, 2));
  EXPECT_THAT(routes_of({1.0F, 1.0F, 1.0F, 1.0F}, 4, 3).experts, ElementsAre(0, 1, 2));
}

TEST(Route, GivesAllWeightToASingleExpert) {
  const Routes routes = routes_of({-5.0F, -3.0F, -4.0F}, 3, 1);
  EXPECT_THAT(routes.experts, ElementsAre(1));
  EXPECT_THAT(routes.weights, ElementsAre(1.0F));
}

TEST(Route, ChoosesDifferentExpertsEvenAmongNans) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(routes_of({kNan, kNan, kNan}, 3, 2).experts, ElementsAre(0, 1));
  EXPECT_THAT(routes_of({kNan, -8.0F, kNan, 1.0F}, 4, 3).experts, ElementsAre(0, 1, 3));
}

}  // namespace
}  // namespace bora::kernels
