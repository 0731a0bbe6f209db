#include "kernels/linear.h"

#include "kernels/reference/weights.h"
#include "tests/kernels/kernel_testing.h"
#include "tests/kernels/tolerance.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace bora::kernels {
namespace {

struct Case {
  std::size_t rows;
  std::size_t columns;
  std::size_t tokens;
};

// Operands of one linear op and its result by the tested table.
struct Problem {
  Problem(DType weight_dtype, Case shape, std::uint64_t seed, std::optional<DType> bias_dtype = {})
      : dtype(weight_dtype), size(shape), random(seed) {
    weight = random.weights(dtype, size.rows, size.columns);
    x = random.values(size.tokens * size.columns);
    out = random.values(size.tokens * size.rows);
    if (bias_dtype) bias.emplace(random.weights(*bias_dtype, 1, size.rows));
    args = {.x = x.data(),
            .tokens = size.tokens,
            .in_features = size.columns,
            .weight = weight.data(),
            .weight_stride = row_bytes(dtype, size.columns),
            .weight_dtype = dtype,
            .rows = size.rows,
            .bias = bias ? bias->data() : nullptr,
            .bias_dtype = bias_dtype.value_or(DType::kF32),
            .out = out.data(),
            .out_stride = size.rows,
            .accumulate = false,
            .workspace = workspace(kLinearWorkspaceBytes)};
  }
  // Rounds x as the table wants it for these weights, or not at all.
  void round_for(const CpuKernels& kernels) {
    args.rounded = nullptr;
    if (!kernels.int16_activations || info(dtype).block_values == 1) return;
    rounded.resize(size.tokens * rounded_row_bytes(size.columns) / sizeof(Line));
    auto* to = reinterpret_cast<std::byte*>(rounded.data());
    kernels.round_activations({x.data(), size.tokens, size.columns, to});
    args.rounded = to;
  }
  void round_pairs_for(const CpuKernels& kernels) {
    args.pairs = nullptr;
    if (kernels.round_pairs == nullptr || dtype != DType::kBF16) return;
    pairs.resize(size.tokens * pair_row_bytes(size.columns) / sizeof(Line));
    auto* to = reinterpret_cast<std::byte*>(pairs.data());
    kernels.round_pairs({x.data(), size.tokens, size.columns, to});
    args.pairs = to;
  }
  // From now on the weight lies as a copy for that table does.
  void interleave_for(const CpuKernels& kernels) {
    weight = interleaved(dtype, weight, size.columns, kernels.lanes);
    args.weight = weight.data();
    args.interleaved = kernels.lanes;
  }
  // Puts `some`, rounded already, into tiles as the table wants it for these weights.
  void tile_for(const CpuKernels& kernels, LinearArgs& some) {
    some.tiles = nullptr;
    const bool wanted =
        dtype == DType::kBF16 || (some.rounded != nullptr && some.tokens >= kIntegerTileTokens);
    if (kernels.tile_activations == nullptr || !wanted) return;
    const TileForm form = tile_form(dtype);
    tiles.assign(tiles_bytes(form, some.tokens, size.columns) / sizeof(Line) + 1, {});
    auto* to = reinterpret_cast<std::byte*>(tiles.data());
    kernels.tile_activations(
        {form, some.x, some.rounded, some.tokens, 0, tile_groups(some.tokens), size.columns, to});
    some.tiles = to;
  }
  void run(const CpuKernels& kernels) {
    round_for(kernels);
    round_pairs_for(kernels);
    tile_for(kernels, args);
    kernels.linear(args);
  }
  // The arguments for the tokens from `first` on.
  [[nodiscard]] LinearArgs from_token(const CpuKernels& kernels, std::size_t first) {
    LinearArgs some = args;
    some.x += first * size.columns;
    if (some.rounded != nullptr) some.rounded += first * rounded_row_bytes(size.columns);
    if (some.pairs != nullptr) some.pairs += first * pair_row_bytes(size.columns);
    some.tokens -= first;
    tile_for(kernels, some);
    return some;
  }

  Problem(const Problem&) = delete;
  Problem& operator=(const Problem&) = delete;
  ~Problem() = default;

  [[nodiscard]] std::string what(const CpuKernels& kernels) const {
    return name_of(kernels) + " " + std::string(info(dtype).name) + " weight [" +
           std::to_string(size.rows) + ", " + std::to_string(size.columns) + "] x tokens " +
           std::to_string(size.tokens);
  }

  // sum_k |weight x| of the output at `index`.
  [[nodiscard]] double magnitude(std::size_t index) const {
    const std::byte* row = weight.data() + index % size.rows * args.weight_stride;
    const float* token = x.data() + index / size.rows * size.columns;
    double sum = 0.0;
    for (std::size_t k = 0; k < size.columns; ++k) {
      sum += std::abs(reference::weight_value(dtype, row, k) * static_cast<double>(token[k]));
    }
    return sum;
  }

  // |output - expected| may be this for a table that rounds activations to int16.
  [[nodiscard]] double rounding_tolerance(const CpuKernels& kernels, std::size_t index,
                                          double result) const {
    const bool has_minimum = dtype == DType::kQ4_1 || dtype == DType::kQ4K || dtype == DType::kQ5K;
    const std::byte* row = weight.data() + index % size.rows * args.weight_stride;
    const float* token = x.data() + index / size.rows * size.columns;
    double moved = 0.0;
    double parts = 0.0;
    for (std::size_t k = 0; k < size.columns; k += kGroupValues) {
      const std::size_t end = std::min(size.columns, k + kGroupValues);
      double largest = 0.0;
      double sum = 0.0;
      for (std::size_t i = k; i < end; ++i) {
        largest = std::max(largest, std::abs(static_cast<double>(token[i])));
        sum += std::abs(reference::weight_value(dtype, row, i));
      }
      moved += largest * sum;
      parts +=
          largest * (sum + (has_minimum ? 2 * kMostMinimum * static_cast<double>(end - k) : 0.0));
    }
    return int16_tolerance(kernels, size.columns, moved, parts, result);
  }

  struct alignas(64) Line {
    std::byte bytes[64];
  };

  DType dtype;
  Case size;
  Random random;
  UnalignedBytes weight{0};
  std::vector<float> x;
  std::vector<float> out;
  std::vector<Line> rounded;
  std::vector<Line> pairs;
  std::vector<Line> tiles;
  std::optional<UnalignedBytes> bias;
  LinearArgs args{};
};

void expect_like_reference(const CpuKernels& kernels, Problem& problem) {
  const std::vector<float> before = problem.out;
  std::vector<float> expected = before;
  LinearArgs reference_args = problem.args;
  reference_args.out = expected.data();
  reference::linear(reference_args);
  problem.run(kernels);
  expect_close(
      problem.out, expected,
      [&](std::size_t i) {
        const double more = std::abs(static_cast<double>(before[i])) + 1.0;  // bias, what was there
        const double result = static_cast<double>(expected[i]) + more;
        if (problem.args.rounded != nullptr) return problem.rounding_tolerance(kernels, i, result);
        return linear_tolerance(kernels, problem.dtype, problem.size.columns, problem.magnitude(i),
                                result);
      },
      problem.what(kernels));
}

TEST(Linear, AgreesWithReferenceForEveryTypeAndRaggedShape) {
  // Rows beside whole tiles and panels, tokens on both sides of the switch to panels.
  const std::vector<Case> cases = {{1, 32, 1},    {3, 64, 1},   {8, 96, 2},   {13, 160, 3},
                                   {5, 320, 5},   {37, 288, 7}, {33, 544, 8}, {66, 64, 9},
                                   {9, 1056, 13}, {4, 32, 201}};
  for (const CpuKernels* kernels : linear_tables_to_test()) {
    for (const DType dtype : kAllDTypes) {
      for (Case shape : cases) {
        shape.columns = whole_blocks(dtype, shape.columns);
        Problem problem(dtype, shape, shape.rows);
        expect_like_reference(*kernels, problem);
      }
    }
  }
}

TEST(Linear, AgreesWithReferenceWhereRowsEndInsideAVector) {
  for (const CpuKernels* kernels : linear_tables_to_test()) {
    for (const DType dtype : kPlainDTypes) {
      for (const std::size_t columns : {1U, 7U, 31U, 33U, 259U, 601U}) {
        for (const std::size_t tokens : {1U, 4U, 10U}) {
          Problem problem(dtype, {6, columns, tokens}, columns);
          expect_like_reference(*kernels, problem);
        }
      }
    }
  }
}

TEST(Linear, TakesRowsOfAnyLength) {
  // More than a workspace holds of 40 tokens in bf16, and of one.
  for (const CpuKernels* kernels : linear_tables_to_test()) {
    Problem many(DType::kBF16, {5, 16400, 40}, 6);
    expect_like_reference(*kernels, many);
    std::vector<float> alone(many.size.rows);
    LinearArgs last = many.from_token(*kernels, 39);
    last.out = alone.data();
    kernels->linear(last);
    expect_same_bits(alone, std::span(many.out).last(alone.size()), many.what(*kernels));
    Problem one(DType::kBF16, {2, kLinearWorkspaceBytes / 2 + 1, 1}, 7);
    expect_like_reference(*kernels, one);
    // More than a workspace holds of four tokens rounded to int16.
    Problem quantized(DType::kQ4_0, {3, kLinearWorkspaceBytes / 8, 1}, 8);
    expect_like_reference(*kernels, quantized);
  }
}

TEST(Linear, AddsBiasAndWhatWasThere) {
  for (const CpuKernels* kernels : linear_tables_to_test()) {
    for (const DType bias : kPlainDTypes) {
      for (const std::size_t tokens : {1U, 12U}) {
        for (const bool accumulate : {false, true}) {
          Problem problem(DType::kBF16, {11, 96, tokens}, 5, bias);
          problem.args.accumulate = accumulate;
          expect_like_reference(*kernels, problem);
        }
      }
    }
  }
}

TEST(Linear, GivesATokenTheSameBitsAloneAndInAnyBatch) {
  for (const CpuKernels* kernels : linear_tables_to_test()) {
    for (const DType dtype : kAllDTypes) {
      const std::size_t rows = 39;
      // Ends inside a block of the panels, where a row of the type can.
      const std::size_t columns = whole_blocks(dtype, 608);
      Problem all(dtype, {rows, columns, 64}, 3);
      all.run(*kernels);
      for (const std::size_t tokens : {1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U, 9U}) {
        const std::size_t first = 64 - tokens;
        std::vector<float> out(tokens * rows);
        LinearArgs some = all.from_token(*kernels, first);
        some.out = out.data();
        kernels->linear(some);
        expect_same_bits(out, std::span(all.out).subspan(first * rows),
                         all.what(*kernels) + ", the last " + std::to_string(tokens));
      }
    }
  }
}

TEST(Linear, GivesARowTheSameBitsWhereverTheRowsAreCut) {
  for (const CpuKernels* kernels : linear_tables_to_test()) {
    for (const std::size_t tokens : {1U, 2U, 17U}) {
      for (const DType dtype : {DType::kQ4_1, DType::kQ5K}) {
        Problem whole(dtype, {47, whole_blocks(dtype, 320), tokens}, 9);
        whole.run(*kernels);
        std::vector<float> pieces(whole.out.size());
        for (std::size_t begin = 0, next = 1; begin < 47; begin += next, ++next) {
          LinearArgs piece = whole.args;
          piece.weight += begin * piece.weight_stride;
          piece.rows = std::min<std::size_t>(next, 47 - begin);
          piece.out = pieces.data() + begin;
          kernels->linear(piece);
        }
        expect_same_bits(pieces, whole.out, whole.what(*kernels));
      }
    }
  }
}

// A row of more than kPrefetchBytes is cut in two, at a super-block.
TEST(Linear, AgreesWithReferenceForLongRowsOfSuperBlocks) {
  for (const CpuKernels* kernels : linear_tables_to_test()) {
    for (const DType dtype : {DType::kQ4K, DType::kQ5K, DType::kQ6K}) {
      for (const std::size_t tokens : {1U, 3U, 9U}) {
        Problem problem(dtype, {5, 14336, tokens}, tokens);
        expect_like_reference(*kernels, problem);
      }
    }
  }
}

TEST(Linear, GivesTheSameBitsEmulated) {
  for (const auto& [actual, expected] : counterparts()) {
    for (const DType dtype : kAllDTypes) {
      for (Case shape : {Case{7, 608, 5}, Case{37, 320, 11}}) {
        shape.columns = whole_blocks(dtype, shape.columns);
        Problem problem(dtype, shape, 4, DType::kF16);
        problem.run(*expected);
        const std::vector<float> out = problem.out;
        problem.run(*actual);
        expect_same_bits(problem.out, out, problem.what(*actual));
      }
    }
  }
}

// Exact totals and one chain of multiply-adds: neither lanes nor panels show.
TEST(Linear, OfIntegersGivesTheSameBitsOnEveryIsaThatFuses) {
  for (const DType dtype : kAllDTypes) {
    if (info(dtype).block_values == 1) continue;
    for (Case shape : {Case{37, 1056, 1}, Case{19, 544, 15}}) {
      shape.columns = whole_blocks(dtype, shape.columns);
      std::vector<float> first;
      for (const CpuKernels* kernels : linear_tables_to_test()) {
        if (!kernels->int16_activations || !kernels->fused) continue;
        Problem problem(dtype, shape, 8, DType::kF32);
        problem.run(*kernels);
        if (first.empty()) first = problem.out;
        expect_same_bits(problem.out, first, problem.what(*kernels));
      }
    }
  }
}

TEST(Linear, GivesTheSameBitsOfInterleavedRows) {
  for (const CpuKernels* kernels : linear_tables_to_test()) {
    if (!kernels->int16_activations) continue;
    for (const DType dtype : kAllDTypes) {
      if (info(dtype).block_values == 1) continue;
      // A last group of one block; more columns than a workspace holds of few tokens; tokens on
      // both sides of each switch.
      for (Case shape :
           {Case{48, 800, 1}, Case{32, 288, 2}, Case{16, 544, 3}, Case{80, 1056, 4},
            Case{48, 544, 5}, Case{64, 800, 18}, Case{16, kLinearWorkspaceBytes / 8, 1}}) {
        shape.columns = whole_blocks(dtype, shape.columns);
        Problem problem(dtype, shape, 12, DType::kF16);
        problem.run(*kernels);
        const std::vector<float> separate = problem.out;
        problem.interleave_for(*kernels);
        std::fill(problem.out.begin(), problem.out.end(), 0.0F);
        problem.run(*kernels);
        expect_same_bits(problem.out, separate, problem.what(*kernels));
      }
    }
  }
}

// Rows beside those that are read four or four tiles at a time.
TEST(Linear, GivesTheSameBitsFromSeveralStreams) {
  for (const CpuKernels* kernels : linear_tables_to_test()) {
    for (const DType dtype : kAllDTypes) {
      for (const std::size_t tokens : {1U, 3U}) {
        for (const bool together : {false, true}) {
          if (together && (!kernels->int16_activations || info(dtype).block_values == 1)) continue;
          const std::size_t rows = together ? 5 * kernels->lanes : 11;
          Problem problem(dtype, {rows, whole_blocks(dtype, 4128), tokens}, 4);
          if (together) problem.interleave_for(*kernels);
          problem.run(*kernels);
          const std::vector<float> from_one = problem.out;
          problem.args.streams = kManyStreams;
          problem.run(*kernels);
          expect_same_bits(problem.out, from_one, problem.what(*kernels));
        }
      }
    }
  }
}

TEST(Linear, OfIntegersTakesNoFiniteNumberForNan) {
  for (const CpuKernels* kernels : linear_tables_to_test()) {
    if (!kernels->int16_activations) continue;
    for (const std::size_t tokens : {1U, 4U}) {
      Problem problem(DType::kQ4K, {5, 512, tokens}, 3);
      for (std::size_t k = 0; k < 256; ++k) problem.x[k] *= 1e-37F;  // counts as zeros
      expect_like_reference(*kernels, problem);
      problem.x[300] = tokens == 1 ? NAN : INFINITY;
      problem.run(*kernels);
      for (std::size_t i = 0; i < problem.out.size(); ++i) {
        EXPECT_EQ(std::isnan(problem.out[i]), i < 5) << problem.what(*kernels) << " " << i;
      }
    }
  }
}

TEST(Linear, TakesInfinityAndNanAsTheyCome) {
  for (const CpuKernels* kernels : linear_tables_to_test()) {
    for (const std::size_t tokens : {2U, 12U}) {
      Problem problem(DType::kF32, {5, 40, tokens}, 2);
      problem.x[3] = INFINITY;
      problem.x[40] = NAN;
      problem.run(*kernels);
      for (std::size_t r = 0; r < 5; ++r) {
        EXPECT_TRUE(std::isinf(problem.out[r])) << problem.what(*kernels);
        EXPECT_TRUE(std::isnan(problem.out[5 + r])) << problem.what(*kernels);
      }
    }
  }
}

}  // namespace
}  // namespace bora::kernels
