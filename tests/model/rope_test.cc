#include "model/rope.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

namespace bora {
namespace {

ModelConfig config_of(std::size_t head_dim, double theta) {
  ModelConfig config;
  config.head_dim = head_dim;
  config.rotary_dim = head_dim;
  config.rope_theta = theta;
  return config;
}

TensorView view_of(std::span<const float> values) {
  return {reinterpret_cast<const std::byte*>(values.data()), DType::kF32, {values.size()}};
}

TEST(Rope, TurnsEachPairSlowerThanTheOneBefore) {
  const Result<Rope> rope = make_rope(config_of(8, 10000.0), {});
  ASSERT_EQ(rope->inverse_frequencies.size(), 4U);
  constexpr std::array kExpected = {1.0F, 0.1F, 0.01F, 0.001F};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(rope->inverse_frequencies[i], kExpected[i], 1e-7F) << i;
  }
}

TEST(Rope, DividesAllSpeedsByALinearFactor) {
  ModelConfig config = config_of(8, 10000.0);
  config.rope_scaling = {.kind = RopeScaling::Kind::kLinear, .factor = 4.0};
  const Result<Rope> rope = make_rope(config, {});
  EXPECT_FLOAT_EQ(rope->inverse_frequencies[0], 0.25F);
  EXPECT_FLOAT_EQ(rope->inverse_frequencies[3], 0.00025F);
}

TEST(Rope, SlowsLongWavesOnlyAsLlama3Does) {
  ModelConfig config = config_of(64, 500000.0);
  const Result<Rope> plain = make_rope(config, {});
  config.rope_scaling = {.kind = RopeScaling::Kind::kLlama3,
                         .factor = 32.0,
                         .low_freq_factor = 1.0,
                         .high_freq_factor = 4.0,
                         .original_max_position_embeddings = 8192.0};
  const Result<Rope> scaled = make_rope(config, {});
  int kept = 0;
  int between = 0;
  int slowed = 0;
  for (std::size_t i = 0; i < 32; ++i) {
    const float ratio = scaled->inverse_frequencies[i] / plain->inverse_frequencies[i];
    const float wave_length = 2.0F * 3.14159265F / plain->inverse_frequencies[i];
    if (wave_length < 2048.0F) {
      EXPECT_EQ(ratio, 1.0F) << i;
      ++kept;
    } else if (wave_length > 8192.0F) {
      EXPECT_FLOAT_EQ(ratio, 1.0F / 32.0F) << i;
      ++slowed;
    } else {
      EXPECT_TRUE(ratio < 1.0F && ratio > 1.0F / 32.0F) << i;
      ++between;
    }
  }
  EXPECT_GT(kept, 0);
  EXPECT_GT(between, 0);
  EXPECT_GT(slowed, 0);
}

TEST(Rope, DividesByTheTensorOfAGgufFile) {
  constexpr std::array kDivisors = {1.0F, 2.0F, 4.0F, 8.0F};
  const Result<Rope> rope = make_rope(config_of(8, 10000.0), {.divisors = view_of(kDivisors)});
  EXPECT_FLOAT_EQ(rope->inverse_frequencies[0], 1.0F);
  EXPECT_FLOAT_EQ(rope->inverse_frequencies[3], 0.000125F);
}

// Factors 1 and 2 in short contexts, 4 and 8 in long ones.
ModelConfig longrope_config() {
  ModelConfig config = config_of(4, 10000.0);
  config.rope_scaling = {.kind = RopeScaling::Kind::kLongRope,
                         .original_max_position_embeddings = 32.0,
                         .attention_factor = 1.25,
                         .short_factors = {1.0F, 2.0F},
                         .long_factors = {4.0F, 8.0F}};
  return config;
}

TEST(Rope, TurnsAContextBeyondTheOriginalOneByLongRopesLongFactors) {
  const Result<Rope> rope = make_rope(longrope_config(), {});
  ASSERT_TRUE(rope) << rope.error().message;
  EXPECT_EQ(rope->attention_factor, 1.25F);
  EXPECT_FLOAT_EQ(rope->speeds(32)[0], 1.0F);
  EXPECT_FLOAT_EQ(rope->speeds(32)[1], 0.01F / 2.0F);
  EXPECT_FLOAT_EQ(rope->speeds(33)[0], 1.0F / 4.0F);
  EXPECT_FLOAT_EQ(rope->speeds(33)[1], 0.01F / 8.0F);
}

TEST(Rope, TakesLongRopesFactorsFromTheTensorsOfAGgufFile) {
  ModelConfig config = longrope_config();
  const std::vector<float> short_factors = std::move(config.rope_scaling.short_factors);
  const std::vector<float> long_factors = std::move(config.rope_scaling.long_factors);
  config.rope_scaling.short_factors.clear();
  config.rope_scaling.long_factors.clear();
  const Result<Rope> rope = make_rope(
      config, {.short_factors = view_of(short_factors), .long_factors = view_of(long_factors)});
  ASSERT_TRUE(rope) << rope.error().message;
  EXPECT_FLOAT_EQ(rope->speeds(32)[1], 0.01F / 2.0F);
  EXPECT_FLOAT_EQ(rope->speeds(33)[1], 0.01F / 8.0F);
}

TEST(Rope, TurnsAPartOfEachHeadWhereNoMoreShallTurn) {
  ModelConfig config = config_of(8, 10000.0);
  config.rotary_dim = 4;
  const Result<Rope> rope = make_rope(config, {});
  ASSERT_EQ(rope->inverse_frequencies.size(), 2U);
  EXPECT_FLOAT_EQ(rope->inverse_frequencies[1], 0.01F);
}

TEST(Rope, RefusesATensorOfAnotherTypeThanF32) {
  constexpr std::array kDivisors = {1.0F, 2.0F, 4.0F, 8.0F};
  TensorView halves = view_of(kDivisors);
  halves.dtype = DType::kF16;
  const Result<Rope> rope = make_rope(config_of(8, 10000.0), {.divisors = halves});
  ASSERT_FALSE(rope);
  EXPECT_EQ(rope.error().message, "rope_freqs.weight: expected type f32, found f16");
}

TEST(Rope, RefusesDivisorsThatCannotBe) {
  for (const float bad : {0.0F, -1.0F, std::numeric_limits<float>::quiet_NaN(),
                          std::numeric_limits<float>::infinity()}) {
    const std::array divisors = {1.0F, bad};
    const Result<Rope> rope = make_rope(config_of(4, 10000.0), {.divisors = view_of(divisors)});
    ASSERT_FALSE(rope) << bad;
    EXPECT_EQ(rope.error().code, ErrorCode::kBadModel);
  }
}

}  // namespace
}  // namespace bora
