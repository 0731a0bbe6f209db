#include "quantize/codec.h"

#include "base/float16.h"
#include "kernels/reference/weights.h"
#include "tensor/blocks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace bora {
namespace {

using Row = std::vector<float>;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<std::byte> encode(DType dtype, const Row& row) {
  std::vector<std::byte> blocks(row_bytes(dtype, row.size()));
  EXPECT_EQ(quantize_row(dtype, row, blocks.data()), CodecFault::kNone);
  return blocks;
}

Row decode(DType dtype, const std::vector<std::byte>& blocks) {
  Row row(blocks.size() / info(dtype).block_bytes * kBlockValues);
  for (std::size_t i = 0; i < row.size(); ++i) {
    row[i] = static_cast<float>(kernels::reference::weight_value(dtype, blocks.data(), i));
  }
  return row;
}

Row through(DType dtype, const Row& row) { return decode(dtype, encode(dtype, row)); }

float scale_of(const std::vector<std::byte>& blocks, DType dtype, std::size_t group) {
  F16 scale;
  std::memcpy(&scale, blocks.data() + group * info(dtype).block_bytes, sizeof scale);
  return to_float(scale);
}

// Groups of all magnitudes, with outliers, as weights have them.
Row random_row(std::size_t groups, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  Row row;
  for (std::size_t group = 0; group < groups; ++group) {
    const float size = std::exp2(static_cast<float>(group % 48) - 34.0F);  // 2^-34 to 2^13
    for (int i = 0; i < kBlockValues; ++i) {
      row.push_back(normal(random) * size * (random() % 50 == 0 ? 4.0F : 1.0F));
    }
  }
  return row;
}

double squared_error(const float* a, const float* b) {
  double sum = 0.0;
  for (int i = 0; i < kBlockValues; ++i) sum += std::pow(double{a[i]} - double{b[i]}, 2);
  return sum;
}

// The error of q4_0 with this scale, each value on the nearest level. Written apart from the codec.
double q4_error(const float* x, double scale) {
  double sum = 0.0;
  for (int i = 0; i < kBlockValues; ++i) {
    const double quant = std::clamp(std::nearbyint(double{x[i]} / scale), -8.0, 7.0);
    sum += std::pow(double{x[i]} - scale * quant, 2);
  }
  return sum;
}

class Codec : public ::testing::TestWithParam<DType> {};

TEST_P(Codec, KeepsZerosExactly) {
  EXPECT_EQ(through(GetParam(), Row(64, 0.0F)), Row(64, 0.0F));
  EXPECT_EQ(through(GetParam(), Row(32, -0.0F)), Row(32, 0.0F));
}

TEST_P(Codec, ReproducesWhatItDecodesTo) {
  const auto blocks = encode(GetParam(), random_row(960, 1));
  const Row once = decode(GetParam(), blocks);
  const Row twice = through(GetParam(), once);
  for (std::size_t i = 0; i < once.size(); ++i) {
    // Scales below f16's normal range have fewer bits than the levels: they may move once more.
    if (std::fabs(scale_of(blocks, GetParam(), i / kBlockValues)) < 0x1p-14F) continue;
    ASSERT_EQ(twice[i], once[i]) << "value " << i << " of group " << i / kBlockValues;
  }
}

TEST_P(Codec, LeavesNothingButZerosOfDenormals) {
  for (const float tiny : {std::numeric_limits<float>::denorm_min(), 0x1p-126F, 0x0.8p-25F}) {
    Row row(32, tiny);
    row[3] = -tiny;
    EXPECT_EQ(through(GetParam(), row), Row(32, 0.0F)) << tiny;
  }
}

TEST_P(Codec, ReachesTheLargestMagnitudeOfItsType) {
  Row row(32, 1.0F);
  row[7] = -max_magnitude(GetParam());
  EXPECT_EQ(through(GetParam(), row)[7], row[7]);
  Row beyond = row;
  beyond[7] = std::nextafter(row[7], -kInfinity);
  std::vector<std::byte> blocks(row_bytes(GetParam(), 32));
  EXPECT_EQ(quantize_row(GetParam(), beyond, blocks.data()), CodecFault::kTooLarge);
}

TEST_P(Codec, RefusesWhatIsNotFiniteWhereverItIs) {
  std::vector<std::byte> blocks(row_bytes(GetParam(), 64));
  for (const float bad : {kNan, -kNan, kInfinity, -kInfinity}) {
    for (const std::size_t place : {0U, 31U, 32U, 50U, 63U}) {
      Row row(64, 0.5F);
      row[place] = bad;
      EXPECT_EQ(quantize_row(GetParam(), row, blocks.data()), CodecFault::kNotFinite) << place;
    }
  }
}

TEST_P(Codec, TreatsEveryGroupAlone) {
  const Row row = random_row(48, 5);
  const auto whole = encode(GetParam(), row);
  std::vector<std::byte> joined;
  for (std::size_t i = 0; i < row.size(); i += kBlockValues) {
    const auto at = row.begin() + static_cast<std::ptrdiff_t>(i);
    const auto one = encode(GetParam(), Row(at, at + kBlockValues));
    joined.insert(joined.end(), one.begin(), one.end());
  }
  EXPECT_EQ(whole, joined);
}

INSTANTIATE_TEST_SUITE_P(Types, Codec, ::testing::Values(DType::kQ8_0, DType::kQ4_0),
                         [](const auto& param) {
                           return std::string(bora::info(param.param).name);
                         });

TEST(Q8_0, ErrsByHalfAScaleAtMost) {
  const Row row = random_row(4800, 2);
  const auto blocks = encode(DType::kQ8_0, row);
  const Row decoded = decode(DType::kQ8_0, blocks);
  for (std::size_t i = 0; i < row.size(); ++i) {
    const float scale = scale_of(blocks, DType::kQ8_0, i / kBlockValues);
    // Half the least f16 where the scale is 0.
    const float bound = std::max(scale / 2, 0x1p-25F);
    ASSERT_LE(std::fabs(row[i] - decoded[i]), bound) << "value " << i << " of scale " << scale;
  }
}

TEST(Q8_0, ScalesTheLargestTo127) {
  const Row row = random_row(480, 3);
  const auto blocks = encode(DType::kQ8_0, row);
  for (std::size_t group = 0; group < 480; ++group) {
    float largest = 0.0F;
    for (int i = 0; i < kBlockValues; ++i) {
      largest =
          std::max(largest, std::fabs(row[group * kBlockValues + static_cast<std::size_t>(i)]));
    }
    if (largest < 127.0F * 0x1p-14F) continue;  // scales of fewer bits
    EXPECT_NEAR(scale_of(blocks, DType::kQ8_0, group), largest / 127.0F,
                largest / 127.0F * 0x1p-11F);
  }
}

TEST(Q8_0, RoundsTiesToEven) {
  Row row(32, 0.0F);
  row[0] = 127.0F;  // scale 1
  row[1] = 0.5F;
  row[2] = 1.5F;
  row[3] = -2.5F;
  row[4] = -3.5F;
  const Row decoded = through(DType::kQ8_0, row);
  EXPECT_EQ(decoded[1], 0.0F);
  EXPECT_EQ(decoded[2], 2.0F);
  EXPECT_EQ(decoded[3], -2.0F);
  EXPECT_EQ(decoded[4], -4.0F);
}

TEST(Q4_0, IsNeverWorseThanTheScaleOfItsLargestValue) {
  const Row row = random_row(4800, 4);
  const Row decoded = through(DType::kQ4_0, row);
  for (std::size_t i = 0; i < row.size(); i += kBlockValues) {
    const auto group = row.begin() + static_cast<std::ptrdiff_t>(i);
    const float extreme = *std::max_element(
        group, group + kBlockValues, [](float a, float b) { return std::fabs(a) < std::fabs(b); });
    const F16 scale = to_f16(extreme / -8.0F);
    if ((scale.bits & 0x7FFFU) == 0) continue;
    const double simple = q4_error(&row[i], double{to_float(scale)});
    ASSERT_LE(squared_error(&row[i], &decoded[i]), simple * (1 + 1e-5)) << "group " << i / 32;
  }
}

// A search of thousands of scales finds little that the codec's few candidates miss.
TEST(Q4_0, ComesNearTheBestScaleThereIs) {
  std::mt19937 random(6);
  std::normal_distribution<float> normal(0.0F, 0.02F);
  double found = 0.0;
  double best = 0.0;
  double simple = 0.0;
  for (int group = 0; group < 200; ++group) {
    Row row(kBlockValues);
    for (float& value : row) value = normal(random);
    const Row decoded = through(DType::kQ4_0, row);
    found += squared_error(row.data(), decoded.data());
    const float extreme = *std::max_element(
        row.begin(), row.end(), [](float a, float b) { return std::fabs(a) < std::fabs(b); });
    double least = q4_error(row.data(), extreme / -8.0);
    simple += least;
    for (int hundredths = 400; hundredths < 1200; ++hundredths) {
      const double level = hundredths / 100.0;
      least = std::min(
          {least, q4_error(row.data(), extreme / level), q4_error(row.data(), extreme / -level)});
    }
    best += least;
  }
  EXPECT_LE(found, 1.03 * best);
  EXPECT_LE(found, 0.9 * simple);
}

TEST(Q4_0, UsesTheSignThatFits) {
  // Eight steps up and seven down: only a negative scale reaches both ends exactly.
  Row row(32, 0.0F);
  row[0] = 8.0F;
  row[1] = -7.0F;
  row[2] = 3.0F;
  EXPECT_EQ(through(DType::kQ4_0, row), row);
  for (float& value : row) value = -value;
  EXPECT_EQ(through(DType::kQ4_0, row), row);
}

}  // namespace
}  // namespace bora
