// Drafts in the scheduler: whatever they guess, every answer is the one without them, and nothing
// leaks. The model is a hash (hash_model.h).
#include "engine/speculation.h"

#include "plan/kv_blocks.h"
#include "tests/engine/hash_model.h"
#include "tests/engine/prophet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace bora {
namespace {

using testing::answer_to;
using ::testing::ElementsAre;
using testing::expect_right;
using testing::kBlock;
using testing::Prophet;
using testing::SchedulerTest;

Speculation with_prophet(std::size_t lies_in) {
  return Speculation(std::make_unique<Prophet>(lies_in));
}

std::vector<std::size_t> counts_of(const SchedulerOutput& output) {
  std::vector<std::size_t> counts;
  for (const ScheduledSequence& each : output.sequences) counts.push_back(each.count);
  return counts;
}

constexpr Scheduler::Limits kAlone = {
    .max_sequences = 1, .step_tokens = 16, .chunk = 16, .logits_rows = 16};

TEST(Speculation, TakesAllOfARightDraftInOneStep) {
  Speculation speculation = with_prophet(0);
  SchedulerTest test(kAlone, 20, 0, &speculation);
  auto handle = test.submit({1, 2, 3}, 20);
  EXPECT_THAT(counts_of(test.step()), ElementsAre(3));
  EXPECT_THAT(counts_of(test.step()), ElementsAre(16)) << "a whole chunk";
  EXPECT_THAT(counts_of(test.step()), ElementsAre(3)) << "and no more than the answer's rest";
  EXPECT_TRUE(test.scheduler().idle());
  expect_right(handle);
  EXPECT_EQ(handle.stream.wait()->drafted_tokens, 17U);
  EXPECT_EQ(handle.stream.wait()->accepted_tokens, 17U);
}

TEST(Speculation, GoesOnAfterAWrongDraftAsIfThereHadBeenNone) {
  Speculation speculation = with_prophet(1);
  SchedulerTest test(kAlone, 20, 0, &speculation);
  auto handle = test.submit({1, 2, 3}, 20);
  int steps = 0;
  for (; !test.scheduler().idle(); ++steps) test.step();
  EXPECT_EQ(steps, 20);
  expect_right(handle);
  EXPECT_GT(handle.stream.wait()->drafted_tokens, 100U);
  EXPECT_EQ(handle.stream.wait()->accepted_tokens, 0U);
}

TEST(Speculation, EndsAnAnswerAtAStopIdWithinADraft) {
  const std::vector<TokenId> whole = answer_to({1, 2, 3}, 12);
  // The first token that has not been there before, so that the answer ends at it and not earlier.
  std::size_t length = 3;
  while (std::find(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length),
                   whole[length]) != whole.begin() + static_cast<std::ptrdiff_t>(length)) {
    ASSERT_LT(++length, whole.size());
  }
  Speculation speculation = with_prophet(0);
  SchedulerTest test(kAlone, 20, 0, &speculation);
  Request request = testing::request_of({1, 2, 3});
  request.ignore_eos = false;
  request.stop_ids = {whole[length]};
  auto handle = test.submit(request, 20);
  test.finish_all();
  const Result<Generation> answer = handle.stream.wait();
  EXPECT_EQ(answer->finish_reason, FinishReason::kStop);
  EXPECT_THAT(answer->ids, ::testing::ElementsAreArray(whole.data(), length));
  EXPECT_EQ(answer->accepted_tokens, length - 1) << "the stop id is none of the answer's tokens";
}

TEST(Speculation, LeavesTokensRowsAndBlocksToOthers) {
  struct Case {
    const char* what;
    Scheduler::Limits limits;
    std::size_t blocks;
    std::vector<std::size_t> counts;
  };
  const Case cases[] = {
      {"16 tokens of drafts together, and no more than an answer has left",
       {.max_sequences = 2, .step_tokens = 32, .chunk = 16, .logits_rows = 32},
       50,
       {13, 5}},
      {"a chunk is less",
       {.max_sequences = 2, .step_tokens = 32, .chunk = 5, .logits_rows = 32},
       50,
       {5, 5}},
      {"9 tokens, one for the other",
       {.max_sequences = 2, .step_tokens = 9, .chunk = 9, .logits_rows = 32},
       50,
       {8, 1}},
      {"6 rows of logits, one for the other",
       {.max_sequences = 2, .step_tokens = 32, .chunk = 16, .logits_rows = 6},
       50,
       {5, 1}},
      {"of 3 free blocks one is nobody's",
       {.max_sequences = 2, .step_tokens = 32, .chunk = 16, .logits_rows = 32},
       5,
       {5, 1}},
  };
  for (const Case& c : cases) {
    Speculation speculation = with_prophet(0);
    SchedulerTest test(c.limits, c.blocks, 0, &speculation);
    auto first = test.submit({1, 2, 3}, 14);
    auto second = test.submit({4, 5, 6}, 14);
    test.step();
    if (test.scheduler().running().size() < 2) test.step();
    EXPECT_EQ(counts_of(test.step()), c.counts) << c.what;
    test.finish_all();
    expect_right(first);
    expect_right(second);
    EXPECT_EQ(first.stream.wait()->preemptions, 0U) << c.what;
  }
}

// The time of an answer of 200 tokens to that of as many steps without drafts, where each drafted
// token adds `each` to a step.
double relative_time(double each, std::size_t lies_in) {
  Speculation speculation = with_prophet(lies_in);
  SchedulerTest test(kAlone, 80, 0, &speculation);
  Request request = testing::request_of({1, 2, 3});
  request.speculate = Speculate::kAuto;
  auto handle = test.submit(request, 201);
  test.step();
  double seconds = 0.0;
  const auto measure = [&](const SchedulerOutput& output) {
    const double taken = 1.0 + each * static_cast<double>(output.drafted);
    speculation.record(1, output.drafted, taken);
    seconds += taken;
  };
  while (!test.scheduler().idle()) test.step(measure);
  expect_right(handle);
  return seconds / 200.0;
}

TEST(Speculation, DraftsByItselfAsMuchAsPays) {
  EXPECT_LT(relative_time(0.05, 0), 0.15) << "all of it is right";
  EXPECT_LT(relative_time(0.1, 10), 0.4) << "nearly all";
  EXPECT_LT(relative_time(0.2, 5), 0.65) << "most";
  for (const double each : {0.05, 0.1, 0.2, 0.4, 0.7}) {
    for (const std::size_t lies_in : {0U, 1U, 2U, 3U, 5U, 10U}) {
      EXPECT_LT(relative_time(each, lies_in), 1.03) << each << ", one wrong in " << lies_in;
    }
  }
  for (const std::size_t lies_in : {0U, 1U, 2U, 3U, 5U, 10U}) {
    EXPECT_LT(relative_time(1.2, lies_in), 1.06) << "dearer than a step; one wrong in " << lies_in;
  }
}

TEST(Speculation, DraftsNothingWhereItIsOff) {
  Speculation speculation = with_prophet(0);
  SchedulerTest test(kAlone, 20, 0, &speculation);
  Request request = testing::request_of({1, 2, 3});
  request.speculate = Speculate::kOff;
  auto handle = test.submit(request, 20);
  test.finish_all();
  expect_right(handle);
  EXPECT_EQ(handle.stream.wait()->drafted_tokens, 0U);
}

TEST(Speculation, DraftsNothingBesideAPromptOrForMany) {
  Speculation speculation = with_prophet(0);
  SchedulerTest test({.max_sequences = 6, .step_tokens = 16, .chunk = 16, .logits_rows = 16}, 50, 0,
                     &speculation);
  std::vector<SchedulerTest::Handle> handles;
  handles.push_back(test.submit({1, 2}, 40));
  test.step();
  handles.push_back(test.submit({2, 3}, 40));
  EXPECT_THAT(counts_of(test.step()), ElementsAre(1, 2)) << "a prompt comes in";
  for (TokenId i = 0; i < 3; ++i) handles.push_back(test.submit({3, i}, 5));
  test.step();
  EXPECT_THAT(counts_of(test.step()), ElementsAre(1, 1, 1, 1, 1));
  test.finish_all();
  for (auto& handle : handles) expect_right(handle);
}

TEST(Speculation, LeavesOnlyAcceptedTokensInThePrefixCache) {
  Speculation speculation = with_prophet(3);
  SchedulerTest test(kAlone, 40, 0, &speculation);
  std::vector<TokenId> prompt = {1, 2, 3};
  for (int round = 0; round < 4; ++round) {
    auto handle = test.submit(prompt, 21);
    test.finish_all();  // reads every cached position and compares
    expect_right(handle);
    // All but the last token of the answer before and the one behind it.
    const std::size_t known = round == 0 ? 0 : prompt.size() - 2;
    EXPECT_EQ(handle.stream.wait()->cached_tokens, known / kBlock * kBlock);
    const std::vector<TokenId> ids = handle.stream.wait()->ids;
    prompt.insert(prompt.end(), ids.begin(), ids.end());
    prompt.push_back(round);
  }
}

// As Scheduler.AnswersRandomTrafficAsIfEachRequestWereAlone, with drafts that are right and wrong
// in all places.
TEST(Speculation, AnswersRandomTrafficAsIfThereWereNone) {
  std::mt19937 random(4);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  std::size_t preemptions = 0;
  std::size_t drafted = 0;
  std::size_t accepted = 0;
  for (int round = 0; round < 120; ++round) {
    Scheduler::Limits limits;
    limits.max_sequences = 1 + below(5);
    limits.chunk = 1 + below(20);
    limits.step_tokens = std::max(limits.max_sequences, limits.chunk);
    limits.logits_rows = limits.max_sequences + below(12);
    const std::size_t window = below(2) == 0 ? 0 : 1 + below(24);
    const std::size_t longest = 80;
    const std::size_t blocks = kv_blocks_needed(longest, window, limits.chunk, kBlock) + below(12);
    Speculation speculation(std::make_unique<Prophet>(1 + below(8), 1 + below(20)));
    SchedulerTest test(limits, blocks, window, &speculation);
    std::vector<SchedulerTest::Handle> handles;
    for (int step = 0; step < 60; ++step) {
      if (below(6) == 0) {
        std::vector<TokenId> prompt(1 + below(40), static_cast<TokenId>(below(2)));
        if (below(2) == 0) prompt.back() = 5;
        for (auto& handle : test.submit_forks(prompt, 1 + below(40), 1 + below(2) * below(3))) {
          handles.push_back(std::move(handle));
        }
      }
      if (!handles.empty() && below(20) == 0) handles[below(handles.size())].stream.cancel();
      ASSERT_NO_FATAL_FAILURE(test.step());
    }
    ASSERT_NO_FATAL_FAILURE(test.finish_all());
    for (auto& handle : handles) {
      ASSERT_NO_FATAL_FAILURE(expect_right(handle));
      const Generation answer = *handle.stream.wait();
      preemptions += answer.preemptions;
      drafted += answer.drafted_tokens;
      accepted += answer.accepted_tokens;
    }
  }
  EXPECT_GT(preemptions, 50U);
  EXPECT_GT(accepted, 500U);
  EXPECT_GT(drafted, 2 * accepted);
}

}  // namespace
}  // namespace bora
