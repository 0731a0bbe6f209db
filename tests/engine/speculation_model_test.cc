// Drafts of a model in the scheduler: asked where the proposer has no idea, as far as it pays. Its
// texts are a hash (hash_model.h), its times made up.
#include "engine/speculation.h"
#include "tests/engine/hash_model.h"
#include "tests/engine/prophet.h"

#include <gtest/gtest.h>

#include <memory>

namespace bora {
namespace {

using testing::expect_right;
using testing::Prophet;
using testing::SchedulerTest;

constexpr Scheduler::Limits kAlone = {
    .max_sequences = 1, .step_tokens = 16, .chunk = 16, .logits_rows = 16};

// A prophet that takes its time: for each token it drafts, and for each it has not read.
class SlowProphet : public Prophet {
 public:
  SlowProphet(std::size_t lies_in, double token, double read)
      : Prophet(lies_in), token_(token), read_(read) {}

  void propose(std::span<const TokenId> tokens, std::size_t most,
               std::vector<TokenId>& draft) override {
    Prophet::propose(tokens, most, draft);
    seconds += time(tokens, 0.0).catch_up + token_ * static_cast<double>(draft.size());
    known_ = tokens.size();
  }

  [[nodiscard]] DraftTime time(std::span<const TokenId> tokens, double /*step*/) override {
    return {.catch_up = read_ * static_cast<double>(tokens.size() - known_), .token = token_};
  }

  double seconds = 0.0;  // spent

 private:
  double token_;
  double read_;
  std::size_t known_ = 0;
};

// Says nothing, as prompt lookup where no text repeats itself.
class Silent : public DraftProposer {
 public:
  void propose(std::span<const TokenId> /*tokens*/, std::size_t /*most*/,
               std::vector<TokenId>& /*draft*/) override {}
};

struct Slow {
  std::size_t lies_in;
  double token;         // to draft, in steps
  double each = 0.1;    // that a drafted token adds to a step
  double read = 0.005;  // to read a token of the text
};

// The time of an answer to that of as many steps without drafts, the model's time included. The
// prompt took as long as a step for every 50 tokens.
double relative_time_with_model(const Slow& slow, std::size_t prompt, std::size_t count) {
  auto model = std::make_shared<SlowProphet>(slow.lies_in, slow.token, slow.read);
  Speculation speculation(std::make_shared<Silent>(), model);
  SchedulerTest test({.max_sequences = 1, .step_tokens = 64, .chunk = 64, .logits_rows = 64}, 400,
                     0, &speculation);
  Request request = testing::request_of(std::vector<TokenId>(prompt, 1));
  request.speculate = Speculate::kAuto;
  auto handle = test.submit(request, count + 1);
  while (test.step([&](const SchedulerOutput& output) {
               speculation.record_prompts(static_cast<double>(output.tokens) / 50.0);
             })
             .rows == 0) {
  }
  double seconds = 0.0;
  const auto measure = [&](const SchedulerOutput& output) {
    const double taken = 1.0 + slow.each * static_cast<double>(output.drafted);
    speculation.record(1, output.drafted, taken);
    seconds += taken;
  };
  while (!test.scheduler().idle()) test.step(measure);
  expect_right(handle);
  return (seconds + model->seconds) / static_cast<double>(count);
}

TEST(Speculation, DraftsFromAModelAsMuchAsPays) {
  EXPECT_LT(relative_time_with_model({.lies_in = 0, .token = 0.05}, 3, 400), 0.35);
  EXPECT_LT(relative_time_with_model({.lies_in = 4, .token = 0.05}, 3, 400), 0.75);
  EXPECT_LT(relative_time_with_model({.lies_in = 0, .token = 0.3, .each = 0.05}, 3, 400), 0.6);
  EXPECT_LT(relative_time_with_model({.lies_in = 0, .token = 0.05}, 600, 400), 0.65)
      << "after a long prompt, which it has to read first";
}

TEST(Speculation, LosesLittleToAModelThatDoesNotPay) {
  for (const double token : {0.02, 0.1, 0.3, 0.8, 1.5}) {
    for (const std::size_t lies_in : {0U, 1U, 2U, 3U, 5U}) {
      for (const std::size_t prompt : {3U, 600U}) {
        EXPECT_LT(relative_time_with_model({.lies_in = lies_in, .token = token}, prompt, 400), 1.03)
            << token << " a token, one wrong in " << lies_in << ", a prompt of " << prompt;
      }
    }
  }
}

// An answer of 60 tokens, alone, whose steps all take a second.
Generation answer_alone(Speculation& speculation) {
  SchedulerTest test(kAlone, 20, 0, &speculation);
  Request request = testing::request_of({1, 2, 3});
  request.speculate = Speculate::kAuto;
  auto handle = test.submit(request, 60);
  const auto measure = [&](const SchedulerOutput& output) {
    if (output.tokens == 1 + output.drafted) speculation.record(1, output.drafted, 1.0);
  };
  while (!test.scheduler().idle()) test.step(measure);
  expect_right(handle);
  return *handle.stream.wait();
}

TEST(Speculation, AsksTheModelWhereTheProposerHasNoIdea) {
  Speculation speculation(std::make_shared<Silent>(), std::make_shared<Prophet>(0));
  const Generation answer = answer_alone(speculation);
  EXPECT_GT(answer.model_drafted_tokens, 20U);
  EXPECT_EQ(answer.model_drafted_tokens, answer.drafted_tokens);
  EXPECT_EQ(answer.model_accepted_tokens, answer.accepted_tokens);
}

TEST(Speculation, AsksTheProposerFirst) {
  auto model = std::make_shared<SlowProphet>(0, 0.01, 0.0);
  Speculation speculation(std::make_shared<Prophet>(0), model);
  const Generation answer = answer_alone(speculation);
  EXPECT_GT(answer.drafted_tokens, 20U);
  EXPECT_EQ(answer.model_drafted_tokens, 0U);
  EXPECT_EQ(model->seconds, 0.0);
}

}  // namespace
}  // namespace bora
