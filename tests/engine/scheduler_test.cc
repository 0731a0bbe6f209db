#include "engine/scheduler.h"

#include "plan/kv_blocks.h"
#include "tests/engine/hash_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <random>

namespace bora {
namespace {

using ::testing::ElementsAre;
using testing::expect_right;
using testing::kBlock;
using testing::SchedulerTest;

std::vector<std::size_t> counts_of(const SchedulerOutput& output) {
  std::vector<std::size_t> counts;
  for (const ScheduledSequence& each : output.sequences) counts.push_back(each.count);
  return counts;
}

std::vector<TokenId> prompt_of(std::size_t count, TokenId token = 1) {
  return std::vector<TokenId>(count, token);
}

TEST(Scheduler, DecodesFirstAndFillsUpWithChunksOfPrompts) {
  SchedulerTest test({.max_sequences = 4, .step_tokens = 10, .chunk = 6, .logits_rows = 4}, 100);
  auto first = test.submit(prompt_of(3, 1), 9);
  EXPECT_THAT(counts_of(test.step()), ElementsAre(3));
  auto second = test.submit(prompt_of(20, 2), 2);
  auto third = test.submit(prompt_of(5, 3), 2);
  EXPECT_THAT(counts_of(test.step()), ElementsAre(1, 6, 3)) << "6: the chunk; 3: the budget's rest";
  EXPECT_THAT(counts_of(test.step()), ElementsAre(1, 6, 2));
  EXPECT_THAT(counts_of(test.step()), ElementsAre(1, 1, 6))
      << "the third decodes before the second";
  test.finish_all();
  for (auto* handle : {&first, &second, &third}) expect_right(*handle);
}

TEST(Scheduler, AdmitsNoMoreSequencesThanItMay) {
  SchedulerTest test({.max_sequences = 2, .step_tokens = 8, .chunk = 8, .logits_rows = 2}, 100);
  std::vector<SchedulerTest::Handle> handles;
  for (TokenId i = 0; i < 5; ++i) handles.push_back(test.submit(prompt_of(1, i), 3));
  EXPECT_THAT(counts_of(test.step()), ElementsAre(1, 1));
  EXPECT_EQ(test.scheduler().waiting().size(), 3U);
  test.finish_all();
  for (auto& handle : handles) expect_right(handle);
}

TEST(Scheduler, PreemptsTheNewestWhereBlocksRunOutAndComputesItAgain) {
  SchedulerTest test({.max_sequences = 2, .step_tokens = 16, .chunk = 16, .logits_rows = 2}, 6);
  auto oldest = test.submit(prompt_of(4, 1), 17);  // 21 positions: all six blocks
  auto newest = test.submit(prompt_of(4, 2), 10);
  test.finish_all();
  expect_right(oldest);
  expect_right(newest);
  EXPECT_EQ(oldest.stream.wait()->preemptions, 0U);
  EXPECT_GE(newest.stream.wait()->preemptions, 1U);
}

TEST(Scheduler, LetsNobodyInWhoWouldSoonCostAnotherHisBlocks) {
  SchedulerTest test({.max_sequences = 3, .step_tokens = 16, .chunk = 16, .logits_rows = 3}, 6);
  auto running = test.submit(prompt_of(15, 1), 2);
  test.step();
  auto waiting = test.submit(prompt_of(8, 2), 1);
  EXPECT_THAT(counts_of(test.step()), ElementsAre(1)) << "2 blocks are left, 2 + 1 wanted";
  test.finish_all();
  expect_right(waiting);
  EXPECT_EQ(waiting.stream.wait()->preemptions, 0U);
}

TEST(Scheduler, LetsAllInWhomTheBlocksHoldToTheirEnds) {
  SchedulerTest test({.max_sequences = 3, .step_tokens = 16, .chunk = 16, .logits_rows = 3}, 3);
  std::vector<SchedulerTest::Handle> handles;
  for (TokenId i = 0; i < 3; ++i) handles.push_back(test.submit(prompt_of(2, i), 2));
  EXPECT_THAT(counts_of(test.step()), ElementsAre(2, 2, 2)) << "a block each";
  test.finish_all();
  for (auto& handle : handles) expect_right(handle);
}

TEST(Scheduler, TakesThePrefixThatAnEarlierRequestLeft) {
  SchedulerTest test({.max_sequences = 2, .step_tokens = 64, .chunk = 64, .logits_rows = 2}, 20);
  auto first = test.submit({1, 2, 3, 4, 5, 6, 0, 1, 2}, 3);
  test.finish_all();
  auto second = test.submit({1, 2, 3, 4, 5, 6, 0, 1, 6, 6}, 3);
  EXPECT_THAT(counts_of(test.step()), ElementsAre(2));
  test.finish_all();
  expect_right(second);
  EXPECT_EQ(first.stream.wait()->cached_tokens, 0U);
  EXPECT_EQ(second.stream.wait()->cached_tokens, 8U);
}

TEST(Scheduler, ComputesThePromptOfForksOnce) {
  SchedulerTest test({.max_sequences = 4, .step_tokens = 64, .chunk = 64, .logits_rows = 4}, 20);
  auto handles = test.submit_forks(prompt_of(6), 5, 3);
  EXPECT_THAT(counts_of(test.step()), ElementsAre(6));
  EXPECT_EQ(test.scheduler().blocks().available(), 18U);
  const SchedulerOutput& output = test.step();
  EXPECT_THAT(counts_of(output), ElementsAre(1, 1, 1));
  std::size_t copies = 0;
  for (const ScheduledSequence& each : output.sequences) copies += each.copy.to.value >= 0 ? 1 : 0;
  EXPECT_EQ(copies, 2U) << "the last to write keeps the block";
  test.finish_all();
  for (auto& handle : handles) expect_right(handle);
  EXPECT_EQ(handles[2].stream.wait()->cached_tokens, 6U);
}

TEST(Scheduler, LetsForksThatFindNoRoomStartLater) {
  SchedulerTest test({.max_sequences = 2, .step_tokens = 64, .chunk = 64, .logits_rows = 2}, 20);
  auto handles = test.submit_forks(prompt_of(6), 5, 5);
  test.finish_all();
  for (auto& handle : handles) expect_right(handle);
}

TEST(Scheduler, LetsAForkInheritWhereItsParentIsCancelled) {
  SchedulerTest test({.max_sequences = 4, .step_tokens = 4, .chunk = 4, .logits_rows = 4}, 20);
  auto handles = test.submit_forks(prompt_of(10), 5, 3);
  test.step();
  handles[0].stream.cancel();
  test.step();
  EXPECT_EQ(handles[0].stream.wait()->finish_reason, FinishReason::kInterrupted);
  test.finish_all();
  for (auto& handle : handles) expect_right(handle);
  EXPECT_EQ(handles[2].stream.wait()->ids.size(), 5U);
}

TEST(Scheduler, EndsACancelledSequenceBeforeTheNextStep) {
  SchedulerTest test({.max_sequences = 2, .step_tokens = 64, .chunk = 64, .logits_rows = 2}, 20);
  auto handle = test.submit(prompt_of(4), 100);
  test.step();
  test.step();
  handle.stream.cancel();
  EXPECT_THAT(counts_of(test.step()), ElementsAre());
  EXPECT_EQ(handle.stream.wait()->ids.size(), 2U);
  EXPECT_EQ(test.scheduler().blocks().available(), 20U);
}

TEST(Scheduler, ScoresEveryPositionOnceInCompanyAndAfterPreemption) {
  SchedulerTest test({.max_sequences = 3, .step_tokens = 16, .chunk = 8, .logits_rows = 6}, 12);
  std::vector<std::size_t> positions;
  const auto record = [&](std::size_t first, TensorView logits) {
    for (std::size_t row = 0; row < logits.shape.rows(); ++row) positions.push_back(first + row);
    return true;
  };
  auto first = test.submit(prompt_of(4, 1), 40);
  auto second = test.submit(prompt_of(4, 2), 4);
  const OnLogits on_logits = record;
  test.score(36, on_logits);
  test.finish_all();
  std::vector<std::size_t> all(36);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(positions, all);
  expect_right(first);
  expect_right(second);
}

// Random arrivals, forks and cancellations over pools that are too small: nothing leaks, no block
// has two owners who write, nobody waits for ever, and every answer is what the model gives alone.
TEST(Scheduler, AnswersRandomTrafficAsIfEachRequestWereAlone) {
  std::mt19937 random(3);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  std::size_t preemptions = 0;
  std::size_t cached = 0;
  for (int round = 0; round < 120; ++round) {
    Scheduler::Limits limits;
    limits.max_sequences = 1 + below(6);
    limits.chunk = 1 + below(20);
    limits.step_tokens = std::max(limits.max_sequences, limits.chunk);
    limits.logits_rows = limits.max_sequences + below(8);
    const std::size_t window = below(2) == 0 ? 0 : 1 + below(24);
    const std::size_t longest = 60;
    const std::size_t blocks = kv_blocks_needed(longest, window, limits.chunk, kBlock) + below(12);
    SchedulerTest test(limits, blocks, window);
    std::vector<SchedulerTest::Handle> handles;
    for (int step = 0; step < 60; ++step) {
      if (below(3) == 0) {
        std::vector<TokenId> prompt(1 + below(40), static_cast<TokenId>(below(2)));
        if (below(2) == 0) prompt.back() = 5;
        for (auto& handle : test.submit_forks(prompt, 1 + below(20), 1 + below(2) * below(4))) {
          handles.push_back(std::move(handle));
        }
      }
      if (!handles.empty() && below(10) == 0) handles[below(handles.size())].stream.cancel();
      ASSERT_NO_FATAL_FAILURE(test.step());
    }
    ASSERT_NO_FATAL_FAILURE(test.finish_all());
    for (auto& handle : handles) {
      ASSERT_NO_FATAL_FAILURE(expect_right(handle));
      preemptions += handle.stream.wait()->preemptions;
      cached += handle.stream.wait()->cached_tokens;
    }
  }
  EXPECT_GT(preemptions, 50U);
  EXPECT_GT(cached, 500U);
}

}  // namespace
}  // namespace bora
