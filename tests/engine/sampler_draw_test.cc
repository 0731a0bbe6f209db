// The sampler against its documented order, spelled out a second time: the same token for the same
// random number, not only the same distribution.
#include "engine/sampler.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <vector>

namespace bora {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// A chi-square statistic has mean k and deviation sqrt(2k): five deviations are never reached by
// chance, and the seeds are fixed.
void expect_plausible(double chi_square, double freedom, const std::string& what) {
  EXPECT_LE(chi_square, freedom + 5.0 * std::sqrt(2.0 * freedom)) << what;
}

double chi_square(const std::vector<double>& counts, const std::vector<double>& expected) {
  double sum = 0.0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double difference = counts[i] - expected[i];
    if (expected[i] > 0.0) sum += difference * difference / expected[i];
  }
  return sum;
}

double uniform(std::uint64_t seed, std::uint64_t position) {
  const auto bits = philox4x32(
      {static_cast<std::uint32_t>(position), static_cast<std::uint32_t>(position >> 32), 0, 0},
      {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
  return std::ldexp(static_cast<double>(((std::uint64_t{bits[0]} << 32) | bits[1]) >> 11), -53);
}

struct Sequence {
  std::vector<TokenId> prompt;
  std::vector<TokenId> answer;
};

std::size_t count_of(const std::vector<TokenId>& ids, TokenId id) {
  return static_cast<std::size_t>(std::count(ids.begin(), ids.end(), id));
}

std::vector<float> penalized(const SamplingParams& params, std::vector<float> logits,
                             const Sequence& sequence) {
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    const std::size_t times = count_of(sequence.answer, id);
    float& logit = logits[i];
    if (times > 0 || count_of(sequence.prompt, id) > 0) {
      logit = logit > 0 ? logit / params.repetition_penalty : logit * params.repetition_penalty;
    }
    if (times > 0) logit -= params.presence_penalty;
    logit -= params.frequency_penalty * static_cast<float>(times);
  }
  return logits;
}

struct Candidate {
  TokenId id;
  float logit;
  float weight;
};

double total_of(const std::vector<Candidate>& candidates) {
  double total = 0.0;
  for (const Candidate& candidate : candidates) total += candidate.weight;
  return total;
}

// Steps 2 to 5: what is left to draw from, in the order in which the draw walks it.
std::vector<Candidate> candidates_of(const SamplingParams& params,
                                     const std::vector<float>& logits) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  std::vector<Candidate> left;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    left.push_back(
        {static_cast<TokenId>(i), logits[i], std::exp((logits[i] - largest) / params.temperature)});
  }
  const auto sort = [&left] {
    std::stable_sort(left.begin(), left.end(),
                     [](const Candidate& a, const Candidate& b) { return a.logit > b.logit; });
  };
  const auto top_k = static_cast<std::size_t>(params.top_k);
  if (top_k > 0 && top_k < left.size()) {
    sort();
    left.resize(top_k);
  }
  if (params.top_p < 1.0F) {
    const double enough = params.top_p * total_of(left);
    sort();
    double reached = 0.0;
    std::size_t kept = 0;
    while (kept == 0 || reached < enough) reached += left[kept++].weight;
    left.resize(kept);
  }
  std::erase_if(left, [&](const Candidate& candidate) { return candidate.weight < params.min_p; });
  return left;
}

TokenId documented_draw(const SamplingParams& params, const std::vector<float>& logits,
                        const Sequence& sequence, std::size_t position) {
  const std::vector<Candidate> left = candidates_of(params, penalized(params, logits, sequence));
  const double target = uniform(params.seed, position) * total_of(left);
  double reached = 0.0;
  for (const Candidate& candidate : left) {
    reached += candidate.weight;
    if (reached > target) return candidate.id;
  }
  return -1;
}

// Uneven, with ties, with an excluded token.
std::vector<float> some_logits() {
  std::vector<float> logits(60);
  for (std::size_t i = 0; i < logits.size(); ++i) {
    logits[i] = 2.5F * std::sin(1.7F * static_cast<float>(i));
  }
  logits[7] = logits[30] = logits[31] = logits[55] = logits[12];
  logits[20] = -kInfinity;
  return logits;
}

std::vector<SamplingParams> some_params() {
  std::vector<SamplingParams> all;
  for (const float temperature : {0.3F, 1.0F, 3.0F}) {
    for (const std::int32_t top_k : {0, 1, 9, 60, 1000}) {
      for (const float top_p : {0.05F, 0.6F, 0.95F, 1.0F}) {
        for (const float min_p : {0.0F, 0.1F, 1.0F}) {
          SamplingParams params;
          params.temperature = temperature;
          params.top_k = top_k;
          params.top_p = top_p;
          params.min_p = min_p;
          params.seed = 1000 + all.size();
          all.push_back(params);
        }
      }
    }
  }
  return all;
}

TEST(SamplerDraw, FollowsTheDocumentedOrderTokenByToken) {
  const std::vector<float> logits = some_logits();
  for (const SamplingParams& params : some_params()) {
    Sampler sampler(params, logits.size(), {});
    for (std::size_t position = 0; position < 40; ++position) {
      ASSERT_EQ(*sampler.sample(logits, position), documented_draw(params, logits, {}, position))
          << fmt::format("temperature {} top-k {} top-p {} min-p {} position {}",
                         params.temperature, params.top_k, params.top_p, params.min_p, position);
    }
  }
}

TEST(SamplerDraw, AppliesPenaltiesBeforeEverythingElse) {
  const std::vector<float> logits = some_logits();
  const std::vector<SamplingParams> all_params = some_params();
  for (std::size_t i = 0; i < all_params.size(); i += 3) {
    SamplingParams params = all_params[i];
    params.repetition_penalty = 1.3F;
    params.presence_penalty = 0.4F;
    params.frequency_penalty = i % 2 == 0 ? 0.15F : -0.15F;
    Sequence sequence = {{1, 2, 3, 12, 12, 20}, {}};
    Sampler sampler(params, logits.size(), sequence.prompt);
    for (std::size_t position = 6; position < 60; ++position) {
      const TokenId id = *sampler.sample(logits, position);
      ASSERT_EQ(id, documented_draw(params, logits, sequence, position)) << "position " << position;
      ASSERT_NE(id, 20) << "what is excluded stays so";
      sampler.accept(id);
      sequence.answer.push_back(id);
    }
  }
}

TEST(SamplerDraw, DividesBeforeItSubtracts) {
  // 2 / 2 - 0.5 = 0.5, while (2 - 0.5) / 2 would be 0.75.
  const std::vector<float> logits = {2.0F, 0.6F};
  Sampler sampler({.repetition_penalty = 2.0F, .presence_penalty = 0.5F}, logits.size(), {});
  sampler.accept(0);
  EXPECT_EQ(*sampler.sample(logits, 1), 1);
}

TEST(SamplerDraw, MatchesTheExactDistributionUnderPenalties) {
  SamplingParams params;
  params.temperature = 0.8F;
  params.top_k = 20;
  params.min_p = 0.02F;
  params.repetition_penalty = 1.2F;
  params.presence_penalty = 0.5F;
  params.frequency_penalty = 0.25F;
  params.seed = 99;
  const std::vector<float> logits = some_logits();
  const Sequence sequence = {{0, 1, 2}, {12, 12, 30, 4}};
  Sampler sampler(params, logits.size(), sequence.prompt);
  for (const TokenId id : sequence.answer) sampler.accept(id);
  const std::vector<Candidate> left = candidates_of(params, penalized(params, logits, sequence));
  constexpr double kDraws = 40000;
  std::vector<double> expected(logits.size(), 0.0);
  for (const Candidate& candidate : left) {
    expected[static_cast<std::size_t>(candidate.id)] = kDraws * candidate.weight / total_of(left);
  }
  std::vector<double> counts(logits.size(), 0.0);
  for (std::size_t position = 0; position < static_cast<std::size_t>(kDraws); ++position) {
    ++counts[static_cast<std::size_t>(*sampler.sample(logits, position))];
  }
  for (std::size_t i = 0; i < counts.size(); ++i) {
    EXPECT_TRUE(expected[i] > 0.0 || counts[i] == 0.0) << i << " is excluded";
  }
  expect_plausible(chi_square(counts, expected), static_cast<double>(left.size() - 1), "penalties");
}

// The ids that come up in many draws.
std::vector<TokenId> ids_drawn(const SamplingParams& params, const std::vector<float>& logits) {
  Sampler sampler(params, logits.size(), {});
  std::vector<TokenId> ids;
  for (std::size_t position = 0; position < 400; ++position) {
    const TokenId id = *sampler.sample(logits, position);
    if (count_of(ids, id) == 0) ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

TEST(SamplerBoundaries, TopPTakesTheFewestThatReachItTiesByLowestId) {
  // Four equal tokens weigh exactly 1 each, the fifth nothing.
  const std::vector<float> logits = {1.0F, 1.0F, -kInfinity, 1.0F, 1.0F};
  const float above = std::nextafter(0.5F, 1.0F);
  const float below = std::nextafter(0.5F, 0.0F);
  const std::vector<std::pair<float, std::vector<TokenId>>> cases = {
      {1e-9F, {0}},       {0.25F, {0}},       {below, {0, 1}},       {0.5F, {0, 1}},
      {above, {0, 1, 3}}, {0.75F, {0, 1, 3}}, {0.76F, {0, 1, 3, 4}}, {1.0F, {0, 1, 3, 4}}};
  for (const auto& [top_p, expected] : cases) {
    EXPECT_EQ(ids_drawn({.temperature = 1.0F, .top_p = top_p}, logits), expected) << top_p;
  }
}

TEST(SamplerBoundaries, TopPOfTopKCountsWhatTopKLeft) {
  const std::vector<float> logits(8, 0.0F);
  EXPECT_EQ(ids_drawn({.temperature = 1.0F, .top_k = 4, .top_p = 0.5F}, logits),
            (std::vector<TokenId>{0, 1}));
  EXPECT_EQ(ids_drawn({.temperature = 1.0F, .top_p = 0.5F}, logits),
            (std::vector<TokenId>{0, 1, 2, 3}));
}

TEST(SamplerBoundaries, MinPKeepsWhatIsExactlyLikelyEnough) {
  const std::vector<float> logits = {0.0F, -1.0F, 0.0F, -2.0F};
  const float second = std::exp(-1.0F);
  EXPECT_EQ(ids_drawn({.temperature = 1.0F, .min_p = second}, logits),
            (std::vector<TokenId>{0, 1, 2}));
  EXPECT_EQ(ids_drawn({.temperature = 1.0F, .min_p = std::nextafter(second, 1.0F)}, logits),
            (std::vector<TokenId>{0, 2}));
  EXPECT_EQ(ids_drawn({.temperature = 1.0F, .min_p = 1.0F}, logits), (std::vector<TokenId>{0, 2}));
  // After temperature: exp(-1 / 2) is more than exp(-1).
  EXPECT_EQ(ids_drawn({.temperature = 2.0F, .min_p = 0.5F}, logits),
            (std::vector<TokenId>{0, 1, 2}));
}

TEST(SamplerBoundaries, NeverDrawsWhatHasNoWeightLeft) {
  // exp(-200) is zero in float32: not even a random number of zero may draw it.
  const std::vector<float> logits = {-200.0F, 0.0F, -200.0F};
  EXPECT_EQ(ids_drawn({.temperature = 1.0F}, logits), (std::vector<TokenId>{1}));
}

TEST(SamplerRandomness, UsesEveryBitOfSeedAndPosition) {
  const std::vector<float> logits(4096, 0.0F);
  const auto draw = [&](std::uint64_t seed, std::uint64_t position) {
    Sampler sampler({.temperature = 1.0F, .seed = seed}, logits.size(), {});
    return *sampler.sample(logits, position);
  };
  int same_seed = 0;
  int same_position = 0;
  for (int bit = 0; bit < 64; ++bit) {
    same_seed += draw(5, 9) == draw(5 ^ (std::uint64_t{1} << bit), 9) ? 1 : 0;
    same_position += draw(5, 9) == draw(5, 9 ^ (std::uint64_t{1} << bit)) ? 1 : 0;
  }
  EXPECT_LE(same_seed, 2) << "by chance once in 4096";
  EXPECT_LE(same_position, 2);
  EXPECT_NE(draw(5, 9), draw(9, 5)) << "seed and position are not summed";
}

// Equal tokens come equally often, and which comes says nothing of the next: over positions under
// one seed, and over seeds at one position.
void expect_even(const std::function<double(std::size_t)>& random, const std::string& what) {
  constexpr std::size_t kCells = 16;
  constexpr std::size_t kDraws = 64000;
  const auto cell = [&](std::size_t i) {
    return static_cast<std::size_t>(random(i) * static_cast<double>(kCells));
  };
  std::vector<double> singles(kCells, 0.0);
  std::vector<double> pairs(kCells * kCells, 0.0);
  for (std::size_t i = 0; i < kDraws; i += 2) {
    const std::size_t first = cell(i);
    const std::size_t second = cell(i + 1);
    ++singles[first];
    ++singles[second];
    ++pairs[first * kCells + second];
  }
  expect_plausible(
      chi_square(singles, std::vector<double>(kCells, kDraws / static_cast<double>(kCells))),
      kCells - 1, what);
  expect_plausible(
      chi_square(pairs, std::vector<double>(pairs.size(), 0.5 * kDraws / (kCells * kCells))),
      kCells * kCells - 1, what + ", pairs");
}

TEST(SamplerRandomness, IsEvenOverPositionsAndOverSeeds) {
  expect_even([](std::size_t i) { return uniform(0, i); }, "positions, seed 0");
  expect_even([](std::size_t i) { return uniform(12345678901234567U, i); }, "positions");
  expect_even([](std::size_t i) { return uniform(i, 0); }, "seeds, position 0");
  expect_even([](std::size_t i) { return uniform(i, 77); }, "seeds, position 77");
}

}  // namespace
}  // namespace bora
