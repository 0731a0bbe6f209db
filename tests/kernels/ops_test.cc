// The kernels that work value by value or row by row: embed, rms_norm, rope, silu_mul,
// gelu_mul, softcap, add_rows, store_kv.
#include "base/float16.h"
#include "tests/kernels/kernel_testing.h"
#include "tests/kernels/tolerance.h"

#include <bit>
#include <cmath>
#include <numbers>

namespace bora::kernels {
namespace {

TEST(Embed, WidensRowsOfEveryType) {
  const std::vector<TokenId> ids = {4, 0, 6, 4};
  for (const CpuKernels* kernels : tables_to_test()) {
    for (const DType dtype : kAllDTypes) {
      const std::size_t columns = whole_blocks(dtype, 96);
      Random random(1);
      const UnalignedBytes table = random.weights(dtype, 7, columns);
      std::vector<float> expected(ids.size() * columns);
      std::vector<float> actual(expected.size());
      EmbedArgs args{
          table.data(),   row_bytes(dtype, columns), dtype, ids.data(), ids.size(), columns,
          expected.data()};
      reference::embed(args);
      args.out = actual.data();
      kernels->embed(args);
      expect_close(
          actual, expected,
          [&](std::size_t i) {
            return widening_tolerance(dtype, static_cast<double>(expected[i]));
          },
          name_of(*kernels) + " embed " + std::string(info(dtype).name));
    }
  }
}

TEST(Embed, GivesTheSameBitsOfInterleavedRows) {
  for (const CpuKernels* kernels : linear_tables_to_test()) {
    if (!kernels->int16_activations) continue;
    const std::size_t lanes = kernels->lanes;
    const std::vector<TokenId> ids = {4, 0, static_cast<TokenId>(2 * lanes - 1), 4};
    for (const DType dtype : kAllDTypes) {
      if (info(dtype).block_values == 1) continue;
      const std::size_t columns = whole_blocks(dtype, 352);
      Random random(3);
      const UnalignedBytes table = random.weights(dtype, 2 * lanes, columns);
      std::vector<float> expected(ids.size() * columns);
      std::vector<float> actual(expected.size());
      EmbedArgs args{table.data(), row_bytes(dtype, columns), dtype, ids.data(), ids.size(),
                     columns,      expected.data(),           0.5F};
      kernels->embed(args);
      const UnalignedBytes copy = interleaved(dtype, table, columns, lanes);
      args.table = copy.data();
      args.out = actual.data();
      args.interleaved = lanes;
      kernels->embed(args);
      expect_same_bits(actual, expected,
                       name_of(*kernels) + " embed " + std::string(info(dtype).name));
    }
  }
}

TEST(Embed, ScalesTheRows) {
  const std::vector<float> table = Random(2).values(3 * 20);
  const std::vector<TokenId> ids = {2, 0};
  for (const CpuKernels* kernels : tables_to_test()) {
    std::vector<float> out(2 * 20);
    kernels->embed({reinterpret_cast<const std::byte*>(table.data()), 80, DType::kF32, ids.data(),
                    2, 20, out.data(), 8.94427191F});
    for (std::size_t i = 0; i < 20; ++i) {
      EXPECT_EQ(out[i], table[40 + i] * 8.94427191F) << name_of(*kernels);
      EXPECT_EQ(out[20 + i], table[i] * 8.94427191F) << name_of(*kernels);
    }
  }
}

TEST(Embed, WidensEvery16BitValueExactly) {
  std::vector<std::uint16_t> all(1 << 16);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint16_t>(i);
  const TokenId row = 0;
  for (const CpuKernels* kernels : tables_to_test()) {
    for (const DType dtype : {DType::kF16, DType::kBF16}) {
      std::vector<float> out(all.size());
      kernels->embed({reinterpret_cast<const std::byte*>(all.data()), all.size() * 2, dtype, &row,
                      1, all.size(), out.data()});
      for (std::size_t i = 0; i < all.size(); ++i) {
        const float expected =
            dtype == DType::kF16 ? to_float(F16{all[i]}) : to_float(Bf16{all[i]});
        if (std::isnan(expected)) {
          ASSERT_TRUE(std::isnan(out[i])) << name_of(*kernels) << " bits " << i;
        } else {
          ASSERT_EQ(std::bit_cast<std::uint32_t>(out[i]), std::bit_cast<std::uint32_t>(expected))
              << name_of(*kernels) << " bits " << i;
        }
      }
    }
  }
}

TEST(RmsNorm, AgreesWithReference) {
  for (const CpuKernels* kernels : tables_to_test()) {
    for (const DType dtype : kPlainDTypes) {
      for (const std::size_t columns : {1U, 5U, 8U, 64U, 577U, 4096U}) {
        Random random(columns);
        const UnalignedBytes weight = random.weights(dtype, 1, columns);
        const std::vector<float> x = random.values(3 * columns, -4.0F, 4.0F);
        std::vector<float> expected(x.size());
        std::vector<float> actual = x;  // in place
        RmsNormArgs args{x.data(), 3, columns, weight.data(), dtype, 1e-5F, expected.data()};
        reference::rms_norm(args);
        args.x = actual.data();
        args.out = actual.data();
        kernels->rms_norm(args);
        expect_close(
            actual, expected,
            [&](std::size_t i) {
              return rms_norm_tolerance(*kernels, columns, static_cast<double>(expected[i]));
            },
            name_of(*kernels) + " rms_norm " + std::to_string(columns));
      }
    }
  }
}

TEST(RmsNorm, AddsToWhatIsThere) {
  constexpr std::size_t kColumns = 77;
  Random random(9);
  const std::vector<float> x = random.values(2 * kColumns, -4.0F, 4.0F);
  const std::vector<float> weight = random.values(kColumns);
  const std::vector<float> before = random.values(x.size());
  for (const CpuKernels* kernels : tables_to_test()) {
    std::vector<float> normed(x.size());
    std::vector<float> sum = before;
    RmsNormArgs args{
        x.data(),    2,     kColumns,     reinterpret_cast<const std::byte*>(weight.data()),
        DType::kF32, 1e-6F, normed.data()};
    kernels->rms_norm(args);
    args.out = sum.data();
    args.accumulate = true;
    kernels->rms_norm(args);
    for (std::size_t i = 0; i < x.size(); ++i) {
      ASSERT_EQ(sum[i], before[i] + normed[i]) << name_of(*kernels) << " at " << i;
    }
  }
}

TEST(RmsNorm, UsesEpsilonWhereAllIsZero) {
  const std::vector<float> x(16, 0.0F);
  const std::vector<float> ones(16, 1.0F);
  for (const CpuKernels* kernels : tables_to_test()) {
    std::vector<float> out(16, 1.0F);
    kernels->rms_norm({x.data(), 1, 16, reinterpret_cast<const std::byte*>(ones.data()),
                       DType::kF32, 1e-6F, out.data()});
    EXPECT_EQ(out, x) << name_of(*kernels);
  }
}

TEST(Rope, AgreesWithReferenceInBothStyles) {
  struct Shape {
    std::size_t heads;
    std::size_t head_dim;
    std::size_t pairs;
  };
  const std::vector<std::int32_t> positions = {0, 1, 77, 131071};
  for (const CpuKernels* kernels : tables_to_test()) {
    for (const RopeStyle style : {RopeStyle::kHalves, RopeStyle::kInterleaved}) {
      for (const Shape& shape : {Shape{3, 64, 32}, Shape{1, 10, 5}, Shape{2, 80, 16}}) {
        Random random(7);
        const std::size_t columns = shape.heads * shape.head_dim;
        const std::vector<float> x = random.values(positions.size() * columns);
        const std::vector<float> frequencies = random.values(shape.pairs, 1e-4F, 1.0F);
        std::vector<float> cosines(positions.size() * shape.pairs);
        std::vector<float> sines(cosines.size());
        rope_angles({positions.data(), positions.size(), frequencies.data(), shape.pairs, 1.0F,
                     cosines.data(), sines.data()});
        std::vector<float> expected = x;
        std::vector<float> actual = x;
        RopeArgs args{expected.data(), columns,        positions.size(),
                      shape.heads,     shape.head_dim, shape.pairs,
                      cosines.data(),  sines.data(),   style};
        reference::rope(args);
        args.x = actual.data();
        kernels->rope(args);
        expect_close(
            actual, expected, [](std::size_t) { return rope_tolerance(1.0, 1.0); },
            name_of(*kernels) + " rope " + std::to_string(shape.head_dim));
      }
    }
  }
}

TEST(Rope, TurnsAPairByItsAngle) {
  const std::int32_t position = 3;
  const auto frequency = static_cast<float>(std::numbers::pi / 6);
  float cosine = 0.0F;
  float sine = 0.0F;
  rope_angles({&position, 1, &frequency, 1, 2.0F, &cosine, &sine});
  EXPECT_NEAR(cosine, 0.0F, 2e-7F);
  EXPECT_FLOAT_EQ(sine, 2.0F);  // the attention factor
}

// From `first` to `last`, a step apart.
std::vector<float> values_between(float first, float last, float step) {
  std::vector<float> values(static_cast<std::size_t>((last - first) / step));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = first + step * static_cast<float>(i);
  return values;
}

TEST(SiluMul, AgreesWithReferenceOverTheWholeRange) {
  std::vector<float> gate = values_between(-120.0F, 120.0F, 0.0137F);
  for (const float x : {0.0F, -0.0F, 1e-30F, -1e-30F, 1e-42F, 1e38F, -1e38F}) gate.push_back(x);
  Random random(3);
  const std::vector<float> up = random.values(gate.size(), -3.0F, 3.0F);
  std::vector<float> expected(gate.size());
  reference::silu_mul({gate.data(), up.data(), gate.size(), expected.data()});
  for (const CpuKernels* kernels : tables_to_test()) {
    std::vector<float> actual = up;  // in place
    kernels->silu_mul({gate.data(), actual.data(), gate.size(), actual.data()});
    expect_close(
        actual, expected,
        [&](std::size_t i) {
          return silu_mul_tolerance(static_cast<double>(up[i]), static_cast<double>(expected[i]));
        },
        name_of(*kernels) + " silu_mul");
  }
}

TEST(SiluMul, KeepsNanAndTheLimits) {
  const std::vector<float> gate = {NAN, INFINITY, -INFINITY};
  const std::vector<float> up = {1.0F, 1.0F, 1.0F};
  for (const CpuKernels* kernels : tables_to_test()) {
    std::vector<float> out(3);
    kernels->silu_mul({gate.data(), up.data(), 3, out.data()});
    EXPECT_TRUE(std::isnan(out[0])) << name_of(*kernels);
    EXPECT_EQ(out[1], INFINITY) << name_of(*kernels);
    EXPECT_TRUE(std::isnan(out[2])) << name_of(*kernels);  // -inf / inf, as torch gives
  }
}

TEST(GeluMul, AgreesWithReferenceOverTheWholeRange) {
  std::vector<float> gate = values_between(-20.0F, 20.0F, 0.00237F);
  for (const float x : {0.0F, -0.0F, 1e-30F, -1e-30F, 1e-42F, 1e38F, -1e38F}) gate.push_back(x);
  const std::vector<float> up = Random(3).values(gate.size(), -3.0F, 3.0F);
  std::vector<float> expected(gate.size());
  reference::gelu_mul({gate.data(), up.data(), gate.size(), expected.data()});
  for (const CpuKernels* kernels : tables_to_test()) {
    std::vector<float> actual = up;  // in place
    kernels->gelu_mul({gate.data(), actual.data(), gate.size(), actual.data()});
    expect_close(
        actual, expected,
        [&](std::size_t i) {
          return gelu_mul_tolerance(static_cast<double>(gate[i]), static_cast<double>(up[i]),
                                    static_cast<double>(expected[i]));
        },
        name_of(*kernels) + " gelu_mul");
  }
}

TEST(GeluMul, GivesWhatTorchGives) {
  // torch.nn.functional.gelu(x, approximate="tanh")
  const std::vector<float> gate = {-3.0F, -1.0F, -0.5F, 0.5F, 1.0F, 3.0F};
  const std::vector<float> expected = {-0.0036374F, -0.1588080F, -0.1542860F,
                                       0.3457140F,  0.8411920F,  2.9963627F};
  const std::vector<float> ones(gate.size(), 1.0F);
  for (const CpuKernels* kernels : tables_to_test()) {
    std::vector<float> out(gate.size());
    kernels->gelu_mul({gate.data(), ones.data(), gate.size(), out.data()});
    for (std::size_t i = 0; i < out.size(); ++i) EXPECT_NEAR(out[i], expected[i], 1e-6F) << i;
  }
}

TEST(Softcap, KeepsValuesBelowTheCapAndTheirOrder) {
  std::vector<float> x = values_between(-300.0F, 300.0F, 0.37F);
  for (const float v : {0.0F, 1e-20F, INFINITY, -INFINITY, 3e38F}) x.push_back(v);
  for (const float cap : {0.5F, 30.0F, 50.0F}) {
    std::vector<float> expected = x;
    reference::softcap({expected.data(), expected.size(), cap});
    for (const CpuKernels* kernels : tables_to_test()) {
      std::vector<float> actual = x;
      kernels->softcap({actual.data(), actual.size(), cap});
      expect_close(
          actual, expected,
          [cap](std::size_t) { return softcap_tolerance(static_cast<double>(cap)); },
          name_of(*kernels) + " softcap");
    }
  }
}

TEST(Softcap, KeepsNan) {
  for (const CpuKernels* kernels : tables_to_test()) {
    float x = NAN;
    kernels->softcap({&x, 1, 30.0F});
    EXPECT_TRUE(std::isnan(x)) << name_of(*kernels);
  }
}

TEST(AddRows, AddsEachRowWhereItBelongs) {
  constexpr std::size_t kColumns = 37;
  const std::vector<std::int32_t> rows = {4, 0, 2};
  Random random(11);
  const std::vector<float> x = random.values(rows.size() * kColumns);
  const std::vector<float> weights = random.values(rows.size());
  const std::vector<float> before = random.values(5 * kColumns);
  std::vector<float> expected = before;
  reference::add_rows(
      {x.data(), rows.size(), kColumns, rows.data(), weights.data(), expected.data()});
  for (const CpuKernels* kernels : tables_to_test()) {
    std::vector<float> actual = before;
    kernels->add_rows(
        {x.data(), rows.size(), kColumns, rows.data(), weights.data(), actual.data()});
    expect_close(
        actual, expected,
        [&](std::size_t i) {
          const auto added = static_cast<double>(expected[i]) - static_cast<double>(before[i]);
          return add_rows_tolerance(added, static_cast<double>(expected[i]));
        },
        name_of(*kernels) + " add_rows");
  }
}

// Keys of a [blocks, heads, block_tokens, head_dim] cache, by the reference or a table.
template <class StoreKv>
std::vector<std::byte> stored(const StoreKv& store_kv, const std::vector<float>& x, DType dtype,
                              const std::vector<std::int64_t>& slots, std::size_t heads,
                              std::size_t head_dim) {
  std::vector<std::byte> cache(3 * heads * 4 * row_bytes(dtype, head_dim));
  store_kv(
      StoreKvArgs{x.data(), slots.size(), heads, head_dim, slots.data(), cache.data(), dtype, 4});
  return cache;
}

TEST(StoreKv, PutsEachTokenIntoItsSlotRoundedToNearestEven) {
  const std::vector<std::int64_t> slots = {5, 0, 11, 7};
  for (const CpuKernels* kernels : tables_to_test()) {
    for (const DType dtype : kPlainDTypes) {
      for (const std::size_t head_dim : {3U, 8U, 20U}) {
        Random random(head_dim);
        std::vector<float> x = random.values(slots.size() * 2 * head_dim, -9.0F, 9.0F);
        // Ties, the ends of the range, subnormals, and what is no number.
        const float special[] = {1.00390625F, 1.01171875F, 65519.9F, 65520.0F, 1e30F,   3.4e38F,
                                 6e-8F,       2.9e-8F,     6.1e-5F,  -0.0F,    -1e-40F, INFINITY,
                                 -INFINITY,   NAN,         2049.0F,  2051.0F};
        std::copy(std::begin(special), std::end(special), x.begin());
        EXPECT_EQ(stored(*kernels->store_kv, x, dtype, slots, 2, head_dim),
                  stored(reference::store_kv, x, dtype, slots, 2, head_dim))
            << name_of(*kernels) << " " << info(dtype).name << " head_dim " << head_dim;
      }
    }
  }
}

// One row of a norm, then rope, silu_mul and embed over the same values.
std::vector<float> through_all_ops(const CpuKernels& kernels, DType dtype, std::size_t columns) {
  Random random(columns);
  const UnalignedBytes table = random.weights(dtype, 3, columns);
  const std::vector<float> angles = random.values(columns);
  const TokenId ids[] = {2, 0};
  std::vector<float> x(2 * columns);
  kernels.embed({table.data(), row_bytes(dtype, columns), dtype, ids, 2, columns, x.data()});
  kernels.rms_norm({x.data(), 2, columns, reinterpret_cast<const std::byte*>(angles.data()),
                    DType::kF32, 1e-5F, x.data()});
  kernels.rope({x.data(), columns, 2, 1, columns, columns / 2, angles.data(), angles.data(),
                RopeStyle::kInterleaved});
  kernels.silu_mul({x.data(), angles.data(), columns, x.data()});
  return x;
}

TEST(Ops, GiveTheSameBitsEmulated) {
  for (const auto& [actual, expected] : counterparts()) {
    for (const DType dtype : kAllDTypes) {
      const std::size_t columns = whole_blocks(dtype, 608);
      expect_same_bits(through_all_ops(*actual, dtype, columns),
                       through_all_ops(*expected, dtype, columns),
                       name_of(*actual) + " ops on " + std::string(info(dtype).name));
    }
  }
}

}  // namespace
}  // namespace bora::kernels
