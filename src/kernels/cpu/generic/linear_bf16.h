// linear() of bf16 weights by products of bf16 pairs (kernels/linear.h), for wrappers that offer
// them beside what generic/simd.h asks:
//
//   Pairs                        a vector of 2 * kLanes bf16
//   load_pairs(bytes)            any alignment
//   round_pairs(to, low, high)   2 * kLanes floats to bf16, to nearest even
//   dot_pairs(sum, a, b)         per lane, sum + a[1] * b[1], then + a[0] * b[0]
//
// The activations come rounded, each token padded with zeros to whole vectors. Few tokens: weights
// are read as they lie, row by row or by tiles of rows and tokens that run over all of k. Many:
// panels (panel.h) of weights that are copied as they are, as rows that lie whole pages apart push
// each other out of the first-level cache. Both see the same products in the same order.
#pragma once

#include "kernels/activations.h"
#include "kernels/cpu/generic/linear.h"

namespace bora::kernels::generic {

template <class Simd>
inline constexpr std::size_t kPairValues = 2 * Simd::kLanes;

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

template <class Simd>
void round_pairs(const RoundActivationsArgs& args) noexcept {
  static_assert(64 % (2 * kPairValues<Simd>) == 0);
  for (std::size_t t = 0; t < args.tokens; ++t) {
    const std::size_t row = pair_row_bytes(args.in_features);
    round_row<Simd>(args.x + t * args.in_features, args.in_features, args.out + t * row);
  }
}

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

// sums[r][t] += sum_k weight[r, k] * x[t, k] over `values` values of k; of several rows, fetches
// what lies `ahead` bytes further in each.
template <class Simd, std::size_t kRows, std::size_t kTokens>
[[gnu::always_inline]] inline void accumulate_pairs(const TileBytes& at, std::size_t values,
                                                    std::size_t ahead,
                                                    F32<Simd> (&sums)[kRows][kTokens]) {
  typename Simd::Pairs weight[kRows];
  std::size_t k = 0;
  for (; k + kPairValues<Simd> <= values; k += kPairValues<Simd>) {
#pragma GCC unroll 8
    for (std::size_t r = 0; r < kRows; ++r) {
      const std::byte* from = at.weight + r * at.stride + 2 * k;
      if constexpr (kRows > 1) __builtin_prefetch(from + ahead);
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
  TileBytes at{args.weight + row * args.weight_stride, args.weight_stride, x, x_stride};
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

template <class Simd, std::size_t kRows>
[[gnu::always_inline]] inline void pair_rows(const LinearArgs& args, std::size_t row) {
  constexpr std::size_t kTokens = kTileTokens<Simd>;
  const std::size_t stride = pair_row_bytes(args.in_features);
  std::size_t t = 0;
  for (; t + kTokens <= args.tokens; t += kTokens) {
    pair_tile<Simd, kRows, kTokens>(args, row, t, args.pairs + t * stride, stride);
  }
  for (; t + 2 <= args.tokens; t += 2) {
    pair_tile<Simd, kRows, 2>(args, row, t, args.pairs + t * stride, stride);
  }
  if (t < args.tokens) pair_tile<Simd, kRows, 1>(args, row, t, args.pairs + t * stride, stride);
}

// One row at a time, which nothing fetches, is the CPU's own to read ahead.
template <class Simd>
void linear_bf16_few(const LinearArgs& args) {
  static_assert(kTileRows == kManyStreams);
  const std::size_t end = args.streams == kManyStreams ? args.rows / kTileRows * kTileRows : 0;
  std::size_t row = 0;
  for (; row < end; row += kTileRows) pair_rows<Simd, kTileRows>(args, row);
  for (; row < args.rows; ++row) pair_rows<Simd, 1>(args, row);
}

// Weights as they are in a panel, padded with zeros to whole vectors.
template <class Simd>
struct PairPanel {
  static constexpr std::size_t kValueBytes = 2;
  static constexpr std::size_t kValues = 2 * kPanelFloats / kPanelRows<Simd>;

  [[gnu::always_inline]] static std::size_t offset(std::size_t k) { return 2 * k; }
  [[gnu::always_inline]] static void pack(const std::byte* weights, std::size_t values,
                                          std::byte* to) {
    constexpr std::size_t kPairs = kPairValues<Simd>;
    std::size_t k = 0;
    for (; k + kPairs <= values; k += kPairs) {
      store_pairs(to + 2 * k, weights + 2 * k);
    }
    if (k == values) return;
    std::byte rest[2 * kPairs] = {};
    __builtin_memcpy(rest, weights + 2 * k, 2 * (values - k));
    store_pairs(to + 2 * k, rest);
  }
  // A vector: a copy of a length that is not known would become a slow instruction of its own.
  [[gnu::always_inline]] static void store_pairs(std::byte* to, const std::byte* from) {
    __builtin_memcpy(to, from, 2 * kPairValues<Simd>);
  }

  template <std::size_t kRows, std::size_t kTokens>
  [[gnu::always_inline]] static void accumulate(const TileBytes& at, std::size_t values,
                                                F32<Simd> (&sums)[kRows][kTokens]) {
    for (std::size_t k = 0; k < values; k += kPairValues<Simd>) {
      typename Simd::Pairs x[kTokens];
#pragma GCC unroll 4
      for (std::size_t t = 0; t < kTokens; ++t) {
        x[t] = Simd::load_pairs(at.x + t * at.x_stride + 2 * k);
        hide(x[t]);
      }
#pragma GCC unroll 6
      for (std::size_t r = 0; r < kRows; ++r) {
        auto weight = Simd::load_pairs(at.weight + r * at.stride + 2 * k);
        hide(weight);
#pragma GCC unroll 4
        for (std::size_t t = 0; t < kTokens; ++t) {
          sums[r][t] = Simd::dot_pairs(sums[r][t], weight, x[t]);
        }
      }
    }
  }
};

template <class Simd>
void linear_bf16(const LinearArgs& args) noexcept {
  if (args.tokens < kPanelTokens) return linear_bf16_few<Simd>(args);
  multiply_passes<Simd, PairPanel<Simd>>(args, args.pairs, pair_row_bytes(args.in_features));
}

}  // namespace bora::kernels::generic
