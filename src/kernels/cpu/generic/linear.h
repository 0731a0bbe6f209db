// The algorithm of kernels/linear.h.
//
// Few tokens: tiles of rows x tokens, weights widened in registers. Several rows are read at once,
// because one stream of loads does not fill the memory's latency.
// Many tokens: a panel of rows is widened once for a block of k into cache and used for all tokens;
// the partial sums of a tile wait in the workspace, as vectors, between blocks of k. Both add the
// same products in the same order, so they give the same bits.
#pragma once

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
inline constexpr std::size_t kPanelRows = 32;
inline constexpr std::size_t kPanelValues = 256;
// Tokens per pass over the weights: bounds the partial sums.
inline constexpr std::size_t kPassTokens = 192;

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

template <class Simd, std::size_t kRows, std::size_t kTokens>
[[gnu::always_inline]] inline void clear(F32<Simd> (&sums)[kRows][kTokens]) {
#pragma GCC unroll 8
  for (std::size_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 6
    for (std::size_t t = 0; t < kTokens; ++t) sums[r][t] = Simd::zero();
  }
}

template <class Simd>
[[gnu::always_inline]] inline float bias_of(const LinearArgs& args, std::size_t row) {
  float value = 0.0F;
  visit_plain<Simd>(args.bias_dtype, [&](auto policy) {
    widen_row<Simd, decltype(policy)>(args.bias + policy.offset(row), 1, &value);
  });
  return value;
}

// Adds the lanes of a finished tile, then bias, then what was there.
template <class Simd, std::size_t kRows, std::size_t kTokens>
[[gnu::always_inline]] inline void finish(const LinearArgs& args, std::size_t row,
                                          std::size_t token,
                                          const F32<Simd> (&sums)[kRows][kTokens]) {
#pragma GCC unroll 8
  for (std::size_t r = 0; r < kRows; ++r) {
    const bool biased = args.bias != nullptr;
    const float bias = biased ? bias_of<Simd>(args, row + r) : 0.0F;
#pragma GCC unroll 6
    for (std::size_t t = 0; t < kTokens; ++t) {
      float value = Simd::reduce_add(sums[r][t]);
      if (biased) value += bias;
      float& out = args.out[(token + t) * args.out_stride + row + r];
      out = args.accumulate ? out + value : value;
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

// One panel of the many-token path: values [k, k + values) of rows [row, row + rows), for tokens
// [token, token + tokens).
struct Panel {
  std::size_t row;
  std::size_t rows;
  std::size_t token;
  std::size_t tokens;
  std::size_t k;
  std::size_t values;
  float* weights;  // [kPanelRows, kPanelValues]
  float* sums;     // [kPassTokens, kPanelRows, kLanes], the tokens of a tile innermost but lanes
};

// The tile at row r and token t of the panel; its partial sums come from and go to `waiting`.
template <class Simd, std::size_t kRows, std::size_t kTokens>
void panel_tile(const LinearArgs& args, const Panel& panel, std::size_t r, std::size_t t,
                float* waiting) {
  F32<Simd> sums[kRows][kTokens];
  if (panel.k == 0) {
    clear<Simd>(sums);
  } else {
#pragma GCC unroll 8
    for (std::size_t i = 0; i < kRows; ++i) {
#pragma GCC unroll 6
      for (std::size_t j = 0; j < kTokens; ++j) {
        sums[i][j] = Simd::load(waiting + (i * kTokens + j) * Simd::kLanes);
      }
    }
  }
  const TileOperands at{reinterpret_cast<const std::byte*>(panel.weights + r * kPanelValues),
                        kPanelValues * sizeof(float),
                        args.x + (panel.token + t) * args.in_features + panel.k, args.in_features};
  accumulate<Simd, PlainWeights<Simd, DType::kF32>, Prefetch::kNone>(at, panel.values, 0, sums);
  if (panel.k + panel.values == args.in_features) {
    finish<Simd>(args, panel.row + r, panel.token + t, sums);
    return;
  }
#pragma GCC unroll 8
  for (std::size_t i = 0; i < kRows; ++i) {
#pragma GCC unroll 6
    for (std::size_t j = 0; j < kTokens; ++j) {
      Simd::store(waiting + (i * kTokens + j) * Simd::kLanes, sums[i][j]);
    }
  }
}

template <class Simd, std::size_t kTokens>
[[gnu::always_inline]] inline void panel_tokens(const LinearArgs& args, const Panel& panel,
                                                std::size_t t) {
  constexpr std::size_t kRowFloats = kTokens * Simd::kLanes;
  float* waiting = panel.sums + t * kPanelRows * Simd::kLanes;
  std::size_t r = 0;
  for (; r + kTileRows <= panel.rows; r += kTileRows) {
    panel_tile<Simd, kTileRows, kTokens>(args, panel, r, t, waiting + r * kRowFloats);
  }
  for (; r < panel.rows; ++r) {
    panel_tile<Simd, 1, kTokens>(args, panel, r, t, waiting + r * kRowFloats);
  }
}

template <class Simd, class Weights>
void multiply_panel(const LinearArgs& args, Panel panel) {
  constexpr std::size_t kTokens = kTileTokens<Simd>;
  for (panel.k = 0; panel.k < args.in_features; panel.k += kPanelValues) {
    const std::size_t left = args.in_features - panel.k;
    panel.values = left < kPanelValues ? left : kPanelValues;
    for (std::size_t r = 0; r < panel.rows; ++r) {
      const std::byte* row = args.weight + (panel.row + r) * args.weight_stride;
      widen_row<Simd, Weights>(row + Weights::offset(panel.k), panel.values,
                               panel.weights + r * kPanelValues);
    }
    std::size_t t = 0;
    for (; t + kTokens <= panel.tokens; t += kTokens) {
      panel_tokens<Simd, kTokens>(args, panel, t);
    }
    for (; t + 2 <= panel.tokens; t += 2) panel_tokens<Simd, 2>(args, panel, t);
    if (t < panel.tokens) panel_tokens<Simd, 1>(args, panel, t);
  }
}

template <class Simd, class Weights>
void linear_many(const LinearArgs& args) {
  static_assert(kPanelValues % kStep == 0 && kPanelValues % Weights::kUnit == 0);
  static_assert(sizeof(float) * kPanelRows * (kPanelValues + kPassTokens * Simd::kLanes) <=
                kLinearWorkspaceBytes);
  auto* workspace = reinterpret_cast<float*>(args.workspace);
  Panel panel{0, 0, 0, 0, 0, 0, workspace, workspace + kPanelRows * kPanelValues};
  for (panel.token = 0; panel.token < args.tokens; panel.token += kPassTokens) {
    const std::size_t tokens = args.tokens - panel.token;
    panel.tokens = tokens < kPassTokens ? tokens : kPassTokens;
    for (panel.row = 0; panel.row < args.rows; panel.row += kPanelRows) {
      const std::size_t rows = args.rows - panel.row;
      panel.rows = rows < kPanelRows ? rows : kPanelRows;
      multiply_panel<Simd, Weights>(args, panel);
    }
  }
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
