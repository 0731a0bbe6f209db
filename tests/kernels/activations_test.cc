#include "kernels/activations.h"

#include "tests/kernels/kernel_testing.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace bora::kernels {
namespace {

constexpr std::size_t kColumns = 256 + 64;  // a group and a shorter one

struct alignas(64) Rounded {
  std::byte bytes[2][rounded_row_bytes(kColumns)];

  [[nodiscard]] RoundedRow row(std::size_t token) const {
    const std::byte* from = bytes[token];
    return {reinterpret_cast<const std::int16_t*>(from),
            reinterpret_cast<const float*>(from + rounded_scales_offset(kColumns)),
            reinterpret_cast<const float*>(from + rounded_sums_offset(kColumns))};
  }
};

Rounded round(const CpuKernels& kernels, const std::vector<float>& x) {
  Rounded out{};
  kernels.round_activations({x.data(), x.size() / kColumns, kColumns, out.bytes[0]});
  return out;
}

TEST(RoundActivations, MoveAValueByLittleOfTheLargestOfItsGroup) {
  Random random(1);
  std::vector<float> x = random.values(2 * kColumns, -3.0F, 3.0F);
  x[7] = -1000.0F;
  for (const CpuKernels* kernels : tables_to_test()) {
    const Rounded rounded = round(*kernels, x);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const RoundedRow row = rounded.row(i / kColumns);
      const std::size_t k = i % kColumns;
      const double value =
          static_cast<double>(row.codes[k]) * static_cast<double>(row.scales[k / kGroupValues]);
      const double largest = i < kGroupValues ? 1000.0 : 3.0;
      EXPECT_LE(std::abs(value - static_cast<double>(x[i])), largest / 32500)
          << name_of(*kernels) << " " << i;
    }
    EXPECT_EQ(rounded.row(0).codes[7], -16383) << name_of(*kernels);
  }
}

TEST(RoundActivations, AddTheCodesOf32Values) {
  Random random(2);
  const std::vector<float> x = random.values(kColumns);
  for (const CpuKernels* kernels : tables_to_test()) {
    const Rounded rounded = round(*kernels, x);
    for (std::size_t part = 0; part < kColumns / 32; ++part) {
      int sum = 0;
      for (std::size_t i = 0; i < 32; ++i) sum += rounded.row(0).codes[32 * part + i];
      EXPECT_EQ(rounded.row(0).sums[part], static_cast<float>(sum)) << name_of(*kernels);
    }
  }
}

TEST(RoundActivations, GiveTheSameBitsOnEveryIsa) {
  Random random(3);
  const std::vector<float> x = random.values(2 * kColumns, -7.0F, 7.0F);
  const Rounded expected = round(*tables_to_test().front(), x);
  for (const CpuKernels* kernels : tables_to_test()) {
    const Rounded rounded = round(*kernels, x);
    EXPECT_EQ(std::memcmp(&rounded, &expected, sizeof(rounded)), 0) << name_of(*kernels);
  }
}

TEST(RoundActivations, TakeSmallGroupsForZerosAndMarkWhatIsNoNumber) {
  for (const CpuKernels* kernels : tables_to_test()) {
    std::vector<float> x(2 * kColumns, 0x1p-101F);
    x[kGroupValues] = NAN;
    x[kColumns] = -INFINITY;
    const Rounded rounded = round(*kernels, x);
    EXPECT_EQ(rounded.row(0).scales[0], 0.0F) << name_of(*kernels);
    EXPECT_TRUE(std::all_of(rounded.row(0).codes, rounded.row(0).codes + kGroupValues,
                            [](std::int16_t code) { return code == 0; }));
    EXPECT_TRUE(std::isnan(rounded.row(0).scales[1])) << name_of(*kernels);
    EXPECT_TRUE(std::isnan(rounded.row(1).scales[0])) << name_of(*kernels);
    EXPECT_EQ(rounded.row(1).scales[1], 0.0F) << name_of(*kernels);
  }
}

}  // namespace
}  // namespace bora::kernels
