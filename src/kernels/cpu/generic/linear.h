// The algorithm of kernels/linear.h.
//
// Few tokens: tiles of rows x tokens, weights widened in registers. Several rows are read at once,
// because one stream of loads does not fill the memory's latency.
// Many tokens: panels (panel.h) of weights that are widened once for all tokens of a pass. Both add
// the same products in the same order, so they give the same bits.
#pragma once

#include "kernels/cpu/generic/panel.h"
#include "kernels/cpu/generic/weights.h"
#include "kernels/linear.h"

namespace bora::kernels::generic {

// Register budget of a tile: kTileRows * kTileTokens sums, kTileTokens activations and one weight
// vector.
inline constexpr std::size_t kTileRows = 4;
template <class Simd>
inline constexpr std::size_t kTileTokens = Simd::kRegisters >= 32 ? 6 : 3;

// Rows read at once for a single token.
inline constexpr std::size_t kStreams = 4;
// Bytes ahead of the loads, in each of the rows.
inline constexpr std::size_t kPrefetchBytes = 1024;

// From this many tokens on, panels pay for the pass through the cache.
inline constexpr std::size_t kPanelTokens = 8;

// Where a tile's operands start: rows `stride` bytes apart, tokens `x_stride` values.
struct TileOperands {
  const std::byte* weight;
  std::size_t stride;
  const float* x;
  std::size_t x_stride;
};

enum class Prefetch { kNone, kAhead };

// sums[r][t] += sum_k weight[r, k] * x[t, k] over `values` values of k. With kAhead, also fetches
// what lies `ahead` bytes further in each row.
template <class Simd, class Weights, Prefetch kPrefetch, std::size_t kRows, std::size_t kTokens>
[[gnu::always_inline]] inline void accumulate(const TileOperands& at, std::size_t values,
                                              std::size_t ahead,
                                              F32<Simd> (&sums)[kRows][kTokens]) {
  constexpr std::size_t kLanes = Simd::kLanes;
  constexpr std::size_t kVectors = Weights::kGroup / kLanes;
  F32<Simd> weight[kVectors];
  std::size_t k = 0;
  for (; k + kStep <= values; k += kStep) {
    if constexpr (kPrefetch == Prefetch::kAhead) {
#pragma GCC unroll 8
      for (std::size_t r = 0; r < kRows; ++r) {
        for (std::size_t line = 0; line < Weights::offset(kStep); line += 64) {
          __builtin_prefetch(at.weight + r * at.stride + Weights::offset(k) + ahead + line);
        }
      }
    }
#pragma GCC unroll 8
    for (std::size_t g = 0; g < kStep; g += Weights::kGroup) {
#pragma GCC unroll 8
      for (std::size_t r = 0; r < kRows; ++r) {
        Weights::widen(at.weight + r * at.stride, k + g, weight);
#pragma GCC unroll 8
        for (std::size_t v = 0; v < kVectors; ++v) {
#pragma GCC unroll 6
          for (std::size_t t = 0; t < kTokens; ++t) {
            const float* x = at.x + t * at.x_stride + k + g + v * kLanes;
            sums[r][t] = Simd::fma(weight[v], Simd::load(x), sums[r][t]);
          }
        }
      }
    }
  }
  if constexpr (Weights::kHasTail) {
    for (; k < values; k += kLanes) {
      const std::size_t rest = values - k;
#pragma GCC unroll 8
      for (std::size_t r = 0; r < kRows; ++r) {
        const std::byte* row = at.weight + r * at.stride;
        if (rest >= kLanes) {
          Weights::widen(row, k, weight);
        } else {
          Weights::widen_partial(row, k, rest, weight);
        }
#pragma GCC unroll 6
        for (std::size_t t = 0; t < kTokens; ++t) {
          const float* x = at.x + t * at.x_stride + k;
          const auto v = rest >= kLanes ? Simd::load(x) : load_partial<Simd>(x, rest);
          sums[r][t] = Simd::fma(weight[0], v, sums[r][t]);
        }
      }
    }
  }
}

// Few tokens: one tile of rows, over all of k.
template <class Simd, class Weights, std::size_t kRows, std::size_t kTokens>
void dot_tile(const LinearArgs& args, std::size_t row, std::size_t token) {
  F32<Simd> sums[kRows][kTokens];
  clear<Simd>(sums);
  TileOperands at{args.weight + row * args.weight_stride, args.weight_stride,
                  args.x + token * args.in_features, args.in_features};
  // The last kPrefetchBytes of the rows fetch the beginning of the next tile's.
  const std::size_t bytes = Weights::offset(args.in_features);
  constexpr std::size_t kUnit = Weights::kUnit;
  const std::size_t units =
      bytes > kPrefetchBytes ? (bytes - kPrefetchBytes) / Weights::offset(kUnit) : 0;
  const std::size_t split = units * kUnit;
  accumulate<Simd, Weights, Prefetch::kAhead>(at, split, kPrefetchBytes, sums);
  at.weight += Weights::offset(split);
  at.x += split;
  accumulate<Simd, Weights, Prefetch::kAhead>(
      at, args.in_features - split, kPrefetchBytes + (kRows - 1) * args.weight_stride, sums);
  finish<Simd>(args, row, token, sums);
}

template <class Simd, class Weights, std::size_t kRows>
[[gnu::always_inline]] inline void dot_rows(const LinearArgs& args, std::size_t row) {
  constexpr std::size_t kTokens = kTileTokens<Simd>;
  std::size_t token = 0;
  for (; token + kTokens <= args.tokens; token += kTokens) {
    dot_tile<Simd, Weights, kRows, kTokens>(args, row, token);
  }
  for (; token + 2 <= args.tokens; token += 2) dot_tile<Simd, Weights, kRows, 2>(args, row, token);
  if (token < args.tokens) dot_tile<Simd, Weights, kRows, 1>(args, row, token);
}

template <class Simd, class Weights>
void linear_few(const LinearArgs& args) {
  std::size_t row = 0;
  for (; row + kStreams <= args.rows; row += kStreams) {
    dot_rows<Simd, Weights, kStreams>(args, row);
  }
  for (; row < args.rows; ++row) dot_rows<Simd, Weights, 1>(args, row);
}

// Weights of any type in a panel: widened to f32.
template <class Simd, class Weights>
struct WidenedPanel {
  static constexpr std::size_t kValueBytes = sizeof(float);
  static constexpr std::size_t kValues = kPanelFloats / kPanelRows<Simd>;
  static_assert(kValues % kStep == 0 && kValues % Weights::kUnit == 0);

  [[gnu::always_inline]] static std::size_t offset(std::size_t k) { return Weights::offset(k); }
  [[gnu::always_inline]] static void pack(const std::byte* weights, std::size_t values,
                                          std::byte* to) {
    widen_row<Simd, Weights>(weights, values, reinterpret_cast<float*>(to));
  }

  template <std::size_t kRows, std::size_t kTokens>
  [[gnu::always_inline]] static void accumulate(const TileBytes& at, std::size_t values,
                                                F32<Simd> (&sums)[kRows][kTokens]) {
    constexpr std::size_t kLanes = Simd::kLanes;
    const std::size_t whole = values / kLanes * kLanes;
    for (std::size_t k = 0; k < whole; k += kLanes) {
      F32<Simd> x[kTokens];
#pragma GCC unroll 4
      for (std::size_t t = 0; t < kTokens; ++t) {
        x[t] = Simd::load(reinterpret_cast<const float*>(at.x + t * at.x_stride) + k);
        hide(x[t]);
      }
#pragma GCC unroll 6
      for (std::size_t r = 0; r < kRows; ++r) {
        auto weight = Simd::load(reinterpret_cast<const float*>(at.weight + r * at.stride) + k);
        hide(weight);
#pragma GCC unroll 4
        for (std::size_t t = 0; t < kTokens; ++t) {
          sums[r][t] = Simd::fma(weight, x[t], sums[r][t]);
        }
      }
    }
    if (whole == values) return;
    const TileOperands rest{at.weight + whole * sizeof(float), at.stride,
                            reinterpret_cast<const float*>(at.x) + whole,
                            at.x_stride / sizeof(float)};
    generic::accumulate<Simd, PlainWeights<Simd, DType::kF32>, Prefetch::kNone>(
        rest, values - whole, 0, sums);
  }
};

template <class Simd, class Weights>
void linear_many(const LinearArgs& args) {
  multiply_passes<Simd, WidenedPanel<Simd, Weights>>(
      args, reinterpret_cast<const std::byte*>(args.x), args.in_features * sizeof(float));
}

template <class Simd, class Weights>
void linear(const LinearArgs& args) noexcept {
  if (args.tokens < kPanelTokens) {
    linear_few<Simd, Weights>(args);
  } else {
    linear_many<Simd, Weights>(args);
  }
}

}  // namespace bora::kernels::generic
