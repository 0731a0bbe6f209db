#include "engine/sampler.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

namespace bora {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TokenId sample_once(const SamplingParams& params, std::span<const float> logits,
                    std::size_t position = 0) {
  Sampler sampler(params, logits.size(), {});
  const Result<TokenId> id = sampler.sample(logits, position);
  EXPECT_TRUE(id) << id.error().message;
  return id ? *id : -1;
}

// Known answers of the authors: https://github.com/DEShawResearch/random123 (tests/kat_vectors).
TEST(Philox, GivesTheKnownAnswers) {
  EXPECT_THAT(philox4x32({0, 0, 0, 0}, {0, 0}),
              ElementsAre(0x6627e8d5U, 0xe169c58dU, 0xbc57ac4cU, 0x9b00dbd8U));
  EXPECT_THAT(
      philox4x32({0xffffffffU, 0xffffffffU, 0xffffffffU, 0xffffffffU}, {0xffffffffU, 0xffffffffU}),
      ElementsAre(0x408f276dU, 0x41c83b0eU, 0xa20bc7c6U, 0x6d5451fdU));
  EXPECT_THAT(
      philox4x32({0x243f6a88U, 0x85a308d3U, 0x13198a2eU, 0x03707344U}, {0xa4093822U, 0x299f31d0U}),
      ElementsAre(0xd16cfe09U, 0x94fdccebU, 0x5001e420U, 0x24126ea1U));
}

TEST(GreedySampler, TakesTheLargestLogitWhereverItLies) {
  for (const std::size_t size : {1U, 7U, 16U, 17U, 100U}) {
    for (std::size_t best = 0; best < size; ++best) {
      std::vector<float> logits(size, -3.0F);
      logits[best] = -2.5F;
      EXPECT_EQ(sample_once({}, logits), static_cast<TokenId>(best)) << size;
    }
  }
}

TEST(GreedySampler, TakesTheLowestIdOfEqualLogits) {
  std::vector<float> logits(64, 0.0F);
  logits[21] = logits[40] = logits[5] = 1.0F;
  EXPECT_EQ(sample_once({}, logits), 5);
}

TEST(Sampler, SkipsExcludedTokens) {
  const std::vector<float> logits = {-kInfinity, 2.0F, -kInfinity};
  EXPECT_EQ(sample_once({}, logits), 1);
  for (std::size_t position = 0; position < 50; ++position) {
    EXPECT_EQ(sample_once({.temperature = 1.0F}, logits, position), 1);
    EXPECT_EQ(sample_once({.temperature = 1.0F, .top_p = 0.9F}, logits, position), 1);
  }
}

TEST(Sampler, ReportsLogitsThatAreNotNumbers) {
  for (const float temperature : {0.0F, 1.0F}) {
    for (const float bad : {kNan, kInfinity}) {
      for (const std::size_t at : {0U, 9U, 39U}) {
        std::vector<float> logits(40, 1.0F);
        logits[at] = bad;
        Sampler sampler({.temperature = temperature}, logits.size(), {});
        const Result<TokenId> id = sampler.sample(logits, 17);
        ASSERT_FALSE(id) << bad << " at " << at;
        EXPECT_EQ(id.error().code, ErrorCode::kFailed);
        EXPECT_THAT(id.error().message, HasSubstr("after 17 tokens"));
      }
    }
    const std::vector<float> nothing(40, -kInfinity);
    Sampler sampler({.temperature = temperature}, nothing.size(), {});
    EXPECT_FALSE(sampler.sample(nothing, 0));
  }
}

TEST(Sampler, SurvivesExtremeTemperatures) {
  const std::vector<float> logits = {1.0F, 3e38F, 2.0F, -3e38F};
  for (const float temperature : {1e-45F, 1e-10F, 100.0F}) {
    EXPECT_EQ(sample_once({.temperature = temperature}, logits), 1) << temperature;
  }
}

TEST(Sampler, DrawsTheSameWithTheSameSeedAndPosition) {
  std::vector<float> logits(1000);
  for (std::size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>(i % 13) * 0.1F;
  int differing_seeds = 0;
  int differing_positions = 0;
  for (std::size_t position = 0; position < 100; ++position) {
    const SamplingParams params = {.temperature = 1.0F, .seed = 42};
    const TokenId id = sample_once(params, logits, position);
    EXPECT_EQ(id, sample_once(params, logits, position));
    differing_seeds += id != sample_once({.temperature = 1.0F, .seed = 43}, logits, position);
    differing_positions += id != sample_once(params, logits, position + 1);
  }
  EXPECT_GT(differing_seeds, 90);
  EXPECT_GT(differing_positions, 90);
}

// The probabilities that the documented order gives, computed the plain way.
std::map<TokenId, double> exact_distribution(const SamplingParams& params,
                                             std::span<const float> logits) {
  std::vector<TokenId> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto logit = [&](TokenId id) {
    return static_cast<double>(logits[static_cast<std::size_t>(id)]) / params.temperature;
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](TokenId a, TokenId b) { return logit(a) > logit(b); });
  if (params.top_k > 0) {
    order.resize(std::min(order.size(), static_cast<std::size_t>(params.top_k)));
  }
  const auto total_of = [&] {
    double total = 0.0;
    for (const TokenId id : order) total += std::exp(logit(id));
    return total;
  };
  const double total = total_of();
  double reached = 0.0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (reached >= params.top_p * total) {
      order.resize(i);
      break;
    }
    reached += std::exp(logit(order[i]));
  }
  const double least = std::exp(logit(order.front())) * params.min_p;
  std::erase_if(order, [&](TokenId id) { return std::exp(logit(id)) < least; });
  std::map<TokenId, double> probabilities;
  const double kept = total_of();
  for (const TokenId id : order) probabilities[id] = std::exp(logit(id)) / kept;
  return probabilities;
}

std::vector<float> uneven_logits() {
  std::vector<float> logits(40);
  for (std::size_t i = 0; i < logits.size(); ++i) {
    logits[i] = 3.0F * std::sin(1.7F * static_cast<float>(i));
  }
  return logits;
}

class SamplerDistribution : public ::testing::TestWithParam<SamplingParams> {};

std::string name_of(const ::testing::TestParamInfo<SamplingParams>& info) {
  return fmt::format("seed_{}", info.param.seed);
}

TEST_P(SamplerDistribution, MatchesTheExactOne) {
  const std::vector<float> logits = uneven_logits();
  const auto exact = exact_distribution(GetParam(), logits);
  constexpr std::size_t kDraws = 40000;
  std::map<TokenId, double> counts;
  Sampler sampler(GetParam(), logits.size(), {});
  for (std::size_t position = 0; position < kDraws; ++position) {
    ++counts[*sampler.sample(logits, position)];
  }
  double chi_square = 0.0;
  for (const auto& [id, probability] : exact) {
    const double expected = probability * kDraws;
    chi_square += (counts[id] - expected) * (counts[id] - expected) / expected;
  }
  for (const auto& [id, count] : counts) EXPECT_TRUE(exact.contains(id)) << id << " is excluded";
  // Mean k, deviation sqrt(2k): five of them are never reached by chance, and the seed is fixed.
  const double freedom = static_cast<double>(exact.size()) - 1.0;
  EXPECT_LE(chi_square, freedom + 5.0 * std::sqrt(2.0 * freedom)) << exact.size() << " tokens";
}

INSTANTIATE_TEST_SUITE_P(
    EachFilterAloneAndTogether, SamplerDistribution,
    ::testing::Values(
        SamplingParams{.temperature = 1.0F, .seed = 1},
        SamplingParams{.temperature = 0.5F, .seed = 2},
        SamplingParams{.temperature = 1.5F, .top_k = 7, .seed = 3},
        SamplingParams{.temperature = 1.0F, .top_k = 1, .seed = 4},
        SamplingParams{.temperature = 1.0F, .top_k = 400, .seed = 5},
        SamplingParams{.temperature = 1.0F, .top_p = 0.8F, .seed = 6},
        SamplingParams{.temperature = 2.0F, .top_p = 0.99F, .seed = 7},
        SamplingParams{.temperature = 1.0F, .top_p = 1e-6F, .seed = 8},
        SamplingParams{.temperature = 1.0F, .min_p = 0.2F, .seed = 9},
        SamplingParams{.temperature = 1.0F, .min_p = 1.0F, .seed = 10},
        SamplingParams{.temperature = 1.2F, .top_k = 12, .top_p = 0.7F, .seed = 11},
        SamplingParams{.temperature = 1.2F, .top_k = 20, .min_p = 0.1F, .seed = 12},
        SamplingParams{.temperature = 1.2F, .top_p = 0.9F, .min_p = 0.15F, .seed = 13},
        SamplingParams{
            .temperature = 0.8F, .top_k = 15, .top_p = 0.9F, .min_p = 0.05F, .seed = 14}),
    name_of);

TEST(Sampler, KeepsTheLowestIdsOfEqualLogitsInTopK) {
  const std::vector<float> logits = {1.0F, 2.0F, 1.0F, 1.0F, 1.0F};
  Sampler sampler({.temperature = 1.0F, .top_k = 3}, logits.size(), {});
  for (std::size_t position = 0; position < 200; ++position) {
    EXPECT_LE(*sampler.sample(logits, position), 2);
  }
}

TEST(Sampler, TopPWorksOnWhatTopKLeft) {
  // Of all, the first has 0.4 of the mass; of the top 2 it has 0.57 and top-p 0.5 is reached by it.
  const std::vector<float> logits = {std::log(0.4F), std::log(0.3F), std::log(0.2F),
                                     std::log(0.1F)};
  Sampler both({.temperature = 1.0F, .top_k = 2, .top_p = 0.5F}, logits.size(), {});
  Sampler only_p({.temperature = 1.0F, .top_p = 0.5F}, logits.size(), {});
  bool second = false;
  for (std::size_t position = 0; position < 200; ++position) {
    EXPECT_EQ(*both.sample(logits, position), 0);
    second |= *only_p.sample(logits, position) == 1;
  }
  EXPECT_TRUE(second);
}

TEST(Penalties, RepetitionCountsPromptAndNewTokensOnce) {
  const std::vector<float> logits = {2.0F, 1.9F, -1.0F, 1.8F};
  const std::vector<TokenId> prompt = {0, 0, 0};
  Sampler sampler({.repetition_penalty = 1.06F}, logits.size(), prompt);
  EXPECT_EQ(*sampler.sample(logits, 3), 1) << "2 / 1.06 < 1.9";
  sampler.accept(1);
  EXPECT_EQ(*sampler.sample(logits, 4), 0) << "2 / 1.06 > 1.8 > 1.9 / 1.06";
}

TEST(Penalties, RepetitionPushesNegativeLogitsDown) {
  const std::vector<float> logits = {-1.0F, -1.5F};
  const std::vector<TokenId> prompt = {0};
  Sampler sampler({.repetition_penalty = 2.0F}, logits.size(), prompt);
  EXPECT_EQ(*sampler.sample(logits, 1), 1);
}

TEST(Penalties, PresenceAndFrequencyCountNewTokensOnly) {
  const std::vector<float> logits = {2.0F, 1.0F};
  const std::vector<TokenId> prompt = {0, 0, 0, 0};
  Sampler presence({.presence_penalty = 0.9F}, logits.size(), prompt);
  Sampler frequency({.frequency_penalty = 0.4F}, logits.size(), prompt);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(*presence.sample(logits, 4), 0) << "0.9 once is not enough";
    EXPECT_EQ(*frequency.sample(logits, 4), i < 3 ? 0 : 1);
    presence.accept(0);
    frequency.accept(0);
  }
  EXPECT_EQ(*frequency.sample(logits, 7), 1) << "three times 0.4 is";
}

TEST(Validate, NamesTheFlagThatIsOutOfRange) {
  const std::pair<SamplingParams, std::string> bad_cases[] = {
      {{.temperature = -1.0F}, "--temperature: expected"},
      {{.temperature = kNan}, "--temperature: expected"},
      {{.temperature = kInfinity}, "--temperature: expected"},
      {{.top_k = -1}, "--top-k: expected"},
      {{.top_p = 0.0F}, "--top-p: expected"},
      {{.top_p = 1.5F}, "--top-p: expected"},
      {{.min_p = 2.0F}, "--min-p: expected"},
      {{.repetition_penalty = 0.0F}, "--repetition-penalty: expected"},
      {{.presence_penalty = kNan}, "--presence-penalty: expected"},
      {{.frequency_penalty = 1e9F}, "--frequency-penalty: expected"},
      {{.logprobs = 1000}, "--logprobs: expected"},
  };
  for (const auto& [params, message] : bad_cases) {
    const Result<void> result = validate(params);
    ASSERT_FALSE(result) << message;
    EXPECT_EQ(result.error().code, ErrorCode::kUsage);
    EXPECT_THAT(result.error().message, HasSubstr(message));
  }
  EXPECT_TRUE(validate({}));
}

TEST(Logprobs, AreOrderedAndSumToOne) {
  const std::vector<float> logits = {1.0F, 3.0F, -kInfinity, 3.0F, 2.0F};
  const double normalizer = log_sum_exp(logits);
  EXPECT_NEAR(normalizer, std::log(std::exp(1.0) + 2 * std::exp(3.0) + std::exp(2.0)), 1e-6);
  std::vector<TokenLogprob> top;
  top_logprobs(logits, normalizer, 3, top);
  ASSERT_EQ(top.size(), 3U);
  EXPECT_EQ(top[0].id, 1);
  EXPECT_EQ(top[1].id, 3);
  EXPECT_EQ(top[2].id, 4);
  EXPECT_NEAR(top[0].logprob, 3.0 - normalizer, 1e-6);
  top_logprobs(logits, normalizer, 50, top);
  double total = 0.0;
  for (const TokenLogprob& entry : top) total += std::exp(entry.logprob);
  EXPECT_EQ(top.size(), 5U);
  EXPECT_NEAR(total, 1.0, 1e-6);
}

}  // namespace
}  // namespace bora
