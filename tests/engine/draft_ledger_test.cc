#include "engine/draft_ledger.h"

#include <gtest/gtest.h>

#include <random>

namespace bora {
namespace {

// Every drafted token adds that much of a step.
std::size_t length(const DraftLedger& ledger, double each,
                   DraftSource source = DraftSource::kProposer) {
  return ledger.length(source, 16, [each](std::size_t k) { return each * static_cast<double>(k); });
}

TEST(DraftLedger, DraftsMoreTheMoreIsAcceptedAndTheLessItCosts) {
  DraftLedger ledger;
  EXPECT_EQ(length(ledger, 0.1), 3U) << "half the tokens are expected to be right";
  EXPECT_EQ(length(ledger, 0.3), 1U);
  EXPECT_EQ(length(ledger, 0.6), 0U) << "costs more than it may bring";
  for (int i = 0; i < 10; ++i) ledger.settle(DraftSource::kProposer, 4, 4, 0.4);
  EXPECT_EQ(length(ledger, 0.1), 16U);
  EXPECT_LT(length(ledger, 0.6), 8U) << "what has been earned does not pay for more";
  for (int i = 0; i < 10; ++i) ledger.settle(DraftSource::kProposer, 4, 0, 0.4);
  EXPECT_LE(length(ledger, 0.1), 2U);
}

TEST(DraftLedger, LosesNoMoreThanItsStartAndItsAllowance) {
  for (const double each : {0.01, 0.05, 0.2, 0.5}) {
    DraftLedger ledger;
    double lost = 0.0;
    constexpr int kSteps = 2000;
    for (int i = 0; i < kSteps; ++i) {
      const std::size_t drafted = length(ledger, each);
      const double cost = each * static_cast<double>(drafted);
      ledger.settle(DraftSource::kProposer, drafted, 0, cost);
      lost += cost;
      EXPECT_LE(lost, DraftLedger::kStart + DraftLedger::kAllowance * (i + 1)) << each;
    }
  }
}

TEST(DraftLedger, TriesAgainAfterTheTextHasChanged) {
  DraftLedger ledger;
  for (int i = 0; i < 500; ++i) {
    const std::size_t drafted = length(ledger, 0.1);
    ledger.settle(DraftSource::kProposer, drafted, 0, 0.1 * static_cast<double>(drafted));
  }
  int saved = 0;
  for (int i = 0; i < 200; ++i) {
    const std::size_t drafted = length(ledger, 0.1);
    ledger.settle(DraftSource::kProposer, drafted, drafted, 0.1 * static_cast<double>(drafted));
    saved += static_cast<int>(drafted);
  }
  EXPECT_GT(saved, 1000);
}

TEST(DraftLedger, JudgesEachSourceByItsOwnDraftsAndPaysForThemFromOneAccount) {
  DraftLedger ledger;
  for (int i = 0; i < 10; ++i) ledger.settle(DraftSource::kModel, 4, 4, 0.4);
  EXPECT_EQ(length(ledger, 0.1, DraftSource::kModel), 16U);
  EXPECT_EQ(length(ledger, 0.1), 3U) << "of the other one nothing is known";
  for (int i = 0; i < 20; ++i) ledger.settle(DraftSource::kProposer, 4, 0, 0.0);
  EXPECT_EQ(length(ledger, 0.2), 0U);
  EXPECT_EQ(length(ledger, 0.1, DraftSource::kModel), 16U);
  ledger.settle(DraftSource::kProposer, 1, 0, 100.0);
  EXPECT_EQ(length(ledger, 0.1, DraftSource::kModel), 0U) << "there is nothing left to spend";
}

}  // namespace
}  // namespace bora
