#include "engine/step_cost.h"

#include <gtest/gtest.h>

namespace bora {
namespace {

void record(StepCost& cost, std::size_t drafted, double seconds, int times) {
  for (int i = 0; i < times; ++i) cost.record(1, drafted, seconds);
}

TEST(StepCost, AssumesALittleForEachTokenBeforeItHasMeasured) {
  const StepCost cost;
  EXPECT_EQ(cost.relative(1, 0), 1.0);
  EXPECT_NEAR(cost.relative(1, 4), 1.4, 1e-9);
  EXPECT_NEAR(cost.relative(4, 16), 2.6, 1e-9);
}

TEST(StepCost, ComesToWhatIsMeasuredAndReadsBetween) {
  StepCost cost;
  record(cost, 0, 0.010, 5);
  record(cost, 4, 0.012, 40);
  record(cost, 8, 0.020, 40);
  EXPECT_NEAR(cost.relative(1, 4), 1.2, 0.01);
  EXPECT_NEAR(cost.relative(1, 8), 2.0, 0.02);
  EXPECT_NEAR(cost.relative(1, 6), 1.6, 0.02);
  EXPECT_NEAR(cost.relative(1, 2), 1.1, 0.01);
  EXPECT_NEAR(cost.relative(1, 16), 3.0, 0.05) << "as the last known ones go on";
  EXPECT_NEAR(cost.relative(2, 4), 1.4, 1e-9) << "two sequences are another matter";
}

TEST(StepCost, KnowsWhetherAStepWithoutDraftsWasMeasuredLately) {
  StepCost cost;
  EXPECT_FALSE(cost.is_measured(1));
  record(cost, 4, 0.012, 1);
  EXPECT_FALSE(cost.is_measured(1));
  record(cost, 0, 0.010, 1);
  EXPECT_TRUE(cost.is_measured(1));
  EXPECT_FALSE(cost.is_measured(2));
  record(cost, 4, 0.012, 100);
  EXPECT_FALSE(cost.is_measured(1));
}

TEST(StepCost, LearnsSoonWhatALengthCostsAndRulesOutNoShorterOne) {
  StepCost cost;
  record(cost, 0, 0.010, 5);
  record(cost, 8, 0.090, 4);
  EXPECT_GT(cost.relative(1, 8), 6.5);
  EXPECT_LT(cost.relative(1, 2), 1.5) << "a kernel may do so few at once";
  EXPECT_GT(cost.relative(1, 10), 8.0);
}

TEST(StepCost, TriesAgainWhatWasTooSlowLongAgo) {
  StepCost cost;
  record(cost, 0, 0.010, 5);
  record(cost, 1, 0.030, 20);
  EXPECT_NEAR(cost.relative(1, 1), 3.0, 0.1);
  record(cost, 0, 0.010, 1000);
  EXPECT_NEAR(cost.relative(1, 1), 1.1, 0.1);
}

TEST(StepCost, IsNotRuledByOneDisturbedStep) {
  StepCost cost;
  record(cost, 0, 0.010, 5);
  record(cost, 4, 5.0, 1);
  EXPECT_LT(cost.relative(1, 4), 2.5);
  record(cost, 4, 0.012, 10);
  EXPECT_NEAR(cost.relative(1, 4), 1.2, 0.01);
  record(cost, 0, 5.0, 1);
  record(cost, 0, 0.010, 30);
  record(cost, 4, 0.012, 10);
  EXPECT_NEAR(cost.relative(1, 4), 1.2, 0.02);
}

}  // namespace
}  // namespace bora
