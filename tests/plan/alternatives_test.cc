#include "plan/alternatives.h"

#include "tests/plan/plan_testing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bora {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kGiB;
using testing::kMiB;
using testing::mistral_config;
using testing::one_thread;
using testing::PaperModel;
using ::testing::StartsWith;

constexpr std::size_t kMistralBytes = 14483464192;  // bf16

// What int8 and int4 would make of them.
const std::vector<WeightChoice> kChoices = {
    {.name = "int8", .bytes = {.mapped = kMistralBytes * 34 / 64, .converted = 0}},
    {.name = "int4", .bytes = {.mapped = kMistralBytes * 18 / 64, .converted = 0}}};

struct Asked {
  ModelConfig config = mistral_config();
  MemoryOptions options;
  std::vector<WeightChoice> choices = kChoices;
};

// Their flags. Each must fit, and its plan be what it says.
std::vector<std::string> flags_that_fit(const Asked& asked) {
  const PaperModel model(asked.config, kMistralBytes);
  const auto backend = one_thread();
  const auto planner = MemoryPlanner::create(model, *backend, asked.options);
  EXPECT_TRUE(planner) << planner.error().message;
  std::vector<std::string> flags;
  for (const Alternative& alternative : find_alternatives(*planner, asked.choices)) {
    EXPECT_TRUE(alternative.plan.fits()) << alternative.flags;
    EXPECT_LE(alternative.plan.bytes.total(), *asked.options.memory_limit);
    flags.push_back(alternative.flags);
  }
  return flags;
}

TEST(Alternatives, OfferWeightsOfFewerBytesInTheirOrder) {
  const std::vector<std::string> flags =
      flags_that_fit({.options = {.context_length = 4096, .memory_limit = 9 * kGiB}});
  EXPECT_THAT(flags, ElementsAre("--weights int8", "--weights int4"));
}

TEST(Alternatives, AddWhatSmallerWeightsNeedBesides) {
  // int8 takes 7.17 GiB: half a GiB of cache is too much beside it in 7.8, a part of it is not.
  const std::vector<std::string> flags =
      flags_that_fit({.options = {.context_length = 4096, .memory_limit = 7700 * kMiB}});
  ASSERT_EQ(flags.size(), 2U);
  EXPECT_THAT(flags[0], StartsWith("--weights int8 --ctx "));
  EXPECT_EQ(flags[1], "--weights int4");
}

TEST(Alternatives, PreferWhatLosesNothing) {
  ModelConfig config = mistral_config();
  config.sliding_window = 0;
  const std::vector<std::string> flags = flags_that_fit(
      {.config = config,
       .options = {.context_length = 32768, .prefill_chunk = 4096, .memory_limit = 18 * kGiB}});
  ASSERT_GE(flags.size(), 2U);
  EXPECT_THAT(flags[0], StartsWith("--prefill-chunk "));
  EXPECT_THAT(flags[1], StartsWith("--ctx "));
}

TEST(Alternatives, HalveTheCacheBeforeTheContext) {
  ModelConfig config = mistral_config();
  config.sliding_window = 0;
  const std::vector<std::string> flags = flags_that_fit(
      {.config = config,
       .options = {.context_length = 32768, .kv_dtype = DType::kF32, .memory_limit = 18 * kGiB}});
  ASSERT_GE(flags.size(), 2U);
  EXPECT_EQ(flags[0], "--kv f16");
  EXPECT_THAT(flags[1], StartsWith("--ctx "));
}

TEST(Alternatives, OfferTheLongestContextThatFits) {
  ModelConfig config = mistral_config();
  config.sliding_window = 0;
  const MemoryOptions options{.context_length = 32768, .memory_limit = 16 * kGiB};
  const std::vector<std::string> flags =
      flags_that_fit({.config = config, .options = options, .choices = {}});
  ASSERT_THAT(flags, ElementsAre(StartsWith("--ctx ")));
  const std::size_t longest = std::stoul(flags[0].substr(6));
  EXPECT_GT(longest, 16384U);

  const PaperModel model(config, kMistralBytes);
  const auto backend = one_thread();
  MemoryOptions longer = options;
  longer.context_length = longest;
  EXPECT_TRUE(plan_memory(model, *backend, longer));
  ++longer.context_length;
  EXPECT_FALSE(plan_memory(model, *backend, longer));
}

TEST(Alternatives, OfferFewerSequences) {
  const std::vector<std::string> flags = flags_that_fit({.options = {.context_length = 512,
                                                                     .prefill_chunk = 16,
                                                                     .max_sequences = 8192,
                                                                     .memory_limit = 15 * kGiB}});
  ASSERT_FALSE(flags.empty());
  EXPECT_THAT(flags[0], StartsWith("--parallel "));
}

TEST(Alternatives, LeaveOutWeightsThatAreNotSmaller) {
  const std::vector<WeightChoice> larger = {
      {.name = "f32", .bytes = {.mapped = 0, .converted = 2 * kMistralBytes}},
      {.name = "bf16", .bytes = {.mapped = kMistralBytes, .converted = 0}}};
  EXPECT_THAT(flags_that_fit({.options = {.context_length = 4096, .memory_limit = 9 * kGiB},
                              .choices = larger}),
              IsEmpty());
}

TEST(Alternatives, SayWhatTheLeastWouldTakeWhereNothingFits) {
  const PaperModel model(mistral_config(), kMistralBytes);
  const auto backend = one_thread();
  const auto plan =
      plan_memory(model, *backend, {.context_length = 4096, .memory_limit = 2 * kGiB}, kChoices);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, ErrorCode::kDoesNotFit);
  EXPECT_THAT(plan.error().hints,
              ElementsAre(HasSubstr(
                  "nothing smaller fits: --weights int4 --prefill-chunk 16 --ctx 128 even so")));
}

TEST(Alternatives, AreTheHintsOfTheRefusal) {
  const PaperModel model(mistral_config(), kMistralBytes);
  const auto backend = one_thread();
  const auto plan =
      plan_memory(model, *backend, {.context_length = 4096, .memory_limit = 9 * kGiB}, kChoices);
  ASSERT_FALSE(plan);
  EXPECT_THAT(plan.error().hints, ElementsAre(StartsWith("--weights int8 fits: 7."),
                                              StartsWith("--weights int4 fits: 4.")));
}

}  // namespace
}  // namespace bora
