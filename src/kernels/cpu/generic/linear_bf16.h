// linear() of bf16 weights by products of bf16 pairs (kernels/linear.h), for wrappers that offer
// them beside what generic/simd.h asks:
//
//   Pairs                        a vector of 2 * kLanes bf16
//   load_pairs(bytes)            any alignment
//   round_pairs(to, low, high)   2 * kLanes floats to bf16, to nearest even
//   dot_pairs(sum, a, b)         per lane, sum + a[1] * b[1], then + a[0] * b[0]
//
// The activations of a pass over the weights are rounded once, into the workspace, each token
// padded with zeros to whole vectors; weights are read as they lie. A tile of rows and tokens runs
// over all of k, so one token and many see the same products in the same order.
#pragma once

#include "kernels/cpu/generic/linear.h"

namespace bora::kernels::generic {

template <class Simd>
inline constexpr std::size_t kPairValues = 2 * Simd::kLanes;

// Longer rows than this do not fit the workspace once rounded.
inline constexpr std::size_t kMostBf16Features = kLinearWorkspaceBytes / 2;

// Tokens per pass over the weights: more would push a tile's weights out of the caches.
inline constexpr std::size_t kBf16PassTokens = 96;

// x, rounded to bf16, padded with zeros.
template <class Simd>
[[gnu::always_inline]] inline void round_row(const float* x, std::size_t values, std::byte* to) {
  constexpr std::size_t kLanes = Simd::kLanes;
  std::size_t k = 0;
  for (; k + kPairValues<Simd> <= values; k += kPairValues<Simd>) {
    Simd::round_pairs(to + 2 * k, Simd::load(x + k), Simd::load(x + k + kLanes));
  }
  if (k == values) return;
  float rest[kPairValues<Simd>] = {};
  __builtin_memcpy(rest, x + k, (values - k) * sizeof(float));
  Simd::round_pairs(to + 2 * k, Simd::load(rest), Simd::load(rest + kLanes));
}

// Where a tile's operands start, in bytes, as its rows and tokens follow each other.
struct PairOperands {
  const std::byte* weight;
  std::size_t stride;
  const std::byte* x;
  std::size_t x_stride;
};

// One vector of each row and token.
template <class Simd, std::size_t kRows, std::size_t kTokens>
[[gnu::always_inline]] inline void multiply_pairs(const typename Simd::Pairs (&weight)[kRows],
                                                  const std::byte* x, std::size_t x_stride,
                                                  F32<Simd> (&sums)[kRows][kTokens]) {
#pragma GCC unroll 6
  for (std::size_t t = 0; t < kTokens; ++t) {
    const auto pairs = Simd::load_pairs(x + t * x_stride);
#pragma GCC unroll 8
    for (std::size_t r = 0; r < kRows; ++r) {
      sums[r][t] = Simd::dot_pairs(sums[r][t], weight[r], pairs);
    }
  }
}

// sums[r][t] += sum_k weight[r, k] * x[t, k] over `values` values of k; fetches what lies `ahead`
// bytes further in each row.
template <class Simd, std::size_t kRows, std::size_t kTokens>
[[gnu::always_inline]] inline void accumulate_pairs(const PairOperands& at, std::size_t values,
                                                    std::size_t ahead,
                                                    F32<Simd> (&sums)[kRows][kTokens]) {
  typename Simd::Pairs weight[kRows];
  std::size_t k = 0;
  for (; k + kPairValues<Simd> <= values; k += kPairValues<Simd>) {
#pragma GCC unroll 8
    for (std::size_t r = 0; r < kRows; ++r) {
      const std::byte* from = at.weight + r * at.stride + 2 * k;
      __builtin_prefetch(from + ahead);
      weight[r] = Simd::load_pairs(from);
    }
    multiply_pairs<Simd>(weight, at.x + 2 * k, at.x_stride, sums);
  }
  if (k == values) return;
#pragma GCC unroll 8
  for (std::size_t r = 0; r < kRows; ++r) {
    std::byte rest[2 * kPairValues<Simd>] = {};
    __builtin_memcpy(rest, at.weight + r * at.stride + 2 * k, 2 * (values - k));
    weight[r] = Simd::load_pairs(rest);
  }
  multiply_pairs<Simd>(weight, at.x + 2 * k, at.x_stride, sums);
}

// Rows [row, row + kRows) and tokens [token, token + kTokens); x: the rounded ones of `token` on.
template <class Simd, std::size_t kRows, std::size_t kTokens>
void pair_tile(const LinearArgs& args, std::size_t row, std::size_t token, const std::byte* x,
               std::size_t x_stride) {
  F32<Simd> sums[kRows][kTokens];
  clear<Simd>(sums);
  PairOperands at{args.weight + row * args.weight_stride, args.weight_stride, x, x_stride};
  // The last kPrefetchBytes of the rows fetch the beginning of the next tile's.
  constexpr std::size_t kAheadValues = kPrefetchBytes / 2;
  const std::size_t split =
      args.in_features > kAheadValues
          ? (args.in_features - kAheadValues) / kPairValues<Simd> * kPairValues<Simd>
          : 0;
  accumulate_pairs<Simd>(at, split, kPrefetchBytes, sums);
  at.weight += 2 * split;
  at.x += 2 * split;
  accumulate_pairs<Simd>(at, args.in_features - split,
                         kPrefetchBytes + (kRows - 1) * args.weight_stride, sums);
  finish<Simd>(args, row, token, sums);
}

// Tokens [begin, end), rounded at the start of the workspace.
template <class Simd, std::size_t kRows>
[[gnu::always_inline]] inline void pair_rows(const LinearArgs& args, std::size_t row,
                                             std::size_t begin, std::size_t end,
                                             std::size_t x_stride) {
  constexpr std::size_t kTokens = kTileTokens<Simd>;
  const std::byte* x = args.workspace;
  std::size_t token = begin;
  for (; token + kTokens <= end; token += kTokens, x += kTokens * x_stride) {
    pair_tile<Simd, kRows, kTokens>(args, row, token, x, x_stride);
  }
  for (; token + 2 <= end; token += 2, x += 2 * x_stride) {
    pair_tile<Simd, kRows, 2>(args, row, token, x, x_stride);
  }
  if (token < end) pair_tile<Simd, kRows, 1>(args, row, token, x, x_stride);
}

// For in_features up to kMostBf16Features.
template <class Simd>
void linear_bf16(const LinearArgs& args) noexcept {
  static_assert(kMostBf16Features % kPairValues<Simd> == 0);
  const std::size_t x_stride = 2 * round_up(args.in_features, kPairValues<Simd>);
  const std::size_t pass = kBf16PassTokens * x_stride <= kLinearWorkspaceBytes
                               ? kBf16PassTokens
                               : kLinearWorkspaceBytes / x_stride;
  for (std::size_t begin = 0; begin < args.tokens; begin += pass) {
    const std::size_t end = begin + pass < args.tokens ? begin + pass : args.tokens;
    for (std::size_t t = begin; t < end; ++t) {
      round_row<Simd>(args.x + t * args.in_features, args.in_features,
                      args.workspace + (t - begin) * x_stride);
    }
    std::size_t row = 0;
    for (; row + kTileRows <= args.rows; row += kTileRows) {
      pair_rows<Simd, kTileRows>(args, row, begin, end, x_stride);
    }
    for (; row < args.rows; ++row) pair_rows<Simd, 1>(args, row, begin, end, x_stride);
  }
}

}  // namespace bora::kernels::generic
