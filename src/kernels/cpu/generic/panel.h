// linear() of many tokens whose sums stand in vectors along k: a panel of rows is packed once for a
// block of k into cache and multiplied with all tokens of a pass; the partial sums of a tile wait
// in the workspace, as vectors, between blocks of k.
//
// What is packed and how it is multiplied is a Format's to say:
//
//   kValueBytes                      of a value, packed or activation
//   kValues                          of a row in a panel
//   offset(k)                        bytes to value k of a stored row
//   pack(weights, values, to)        from a stored row
//   accumulate(at, values, sums)     sums[r][t] += sum_k weight[r, k] * x[t, k]
#pragma once

#include "kernels/cpu/generic/weights.h"
#include "kernels/linear.h"

namespace bora::kernels::generic {

// A tile: more rows than tokens, as few loads of activations then serve as many multiply-adds as
// the registers hold sums for.
inline constexpr std::size_t kPanelTileRows = 6;
template <class Simd>
inline constexpr std::size_t kPanelTileTokens = Simd::kRegisters >= 32 ? 4 : 2;
// A panel, with tiles of tokens beside it, fits the smallest first-level caches. What its tiles
// read and write is least where it has some rows of many values where vectors are wide, since
// partial sums come and go for each panel, and else many rows.
template <class Simd>
inline constexpr std::size_t kPanelRows = Simd::kLanes >= 16 ? 12 : 24;
inline constexpr std::size_t kPanelFloats = 24 * 256;

// Tokens per pass over the weights: bounds the partial sums.
inline constexpr std::size_t kPassTokens = 192;

template <class Simd, class Format>
inline constexpr std::size_t kPanelBytes = kPanelRows<Simd>* Format::kValues* Format::kValueBytes;
// Of the partial sums of a token.
template <class Simd>
inline constexpr std::size_t kPanelSumBytes = kPanelRows<Simd>* Simd::kLanes * sizeof(float);

// Where a tile's operands start: rows `stride` bytes apart, tokens `x_stride` bytes.
struct TileBytes {
  const std::byte* weight;
  std::size_t stride;
  const std::byte* x;
  std::size_t x_stride;
};

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

// Some tokens of a call, from `begin` on.
struct Pass {
  const std::byte* x;  // of the first
  std::size_t x_stride;
  std::size_t begin;
  std::size_t tokens;
  std::byte* workspace;  // kPanelBytes, then kPanelSumBytes of each token
};

// Values [k, k + values) of rows [row, row + rows).
struct Panel {
  std::size_t row;
  std::size_t rows;
  std::size_t k;
  std::size_t values;
};

// The tile at row r of the panel and token t of the pass; its partial sums come from and go to
// `waiting`.
template <class Simd, class Format, std::size_t kRows, std::size_t kTokens>
void panel_tile(const LinearArgs& args, const Pass& pass, const Panel& panel, std::size_t r,
                std::size_t t, float* waiting) {
  F32<Simd> sums[kRows][kTokens];
  if (panel.k == 0) {
    clear<Simd>(sums);
  } else {
#pragma GCC unroll 6
    for (std::size_t i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
      for (std::size_t j = 0; j < kTokens; ++j) {
        sums[i][j] = Simd::load(waiting + (i * kTokens + j) * Simd::kLanes);
      }
    }
  }
  constexpr std::size_t kStride = Format::kValues * Format::kValueBytes;
  Format::accumulate({.weight = pass.workspace + r * kStride,
                      .stride = kStride,
                      .x = pass.x + t * pass.x_stride + panel.k * Format::kValueBytes,
                      .x_stride = pass.x_stride},
                     panel.values, sums);
  if (panel.k + panel.values == args.in_features) {
    finish<Simd>(args, panel.row + r, pass.begin + t, sums);
    return;
  }
#pragma GCC unroll 6
  for (std::size_t i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (std::size_t j = 0; j < kTokens; ++j) {
      Simd::store(waiting + (i * kTokens + j) * Simd::kLanes, sums[i][j]);
    }
  }
}

// What is packed next, into the second-level cache: of its rows those whose turn it is at the
// tokens [begin, end), that the fetches do not come all at once.
template <class Simd, class Format>
[[gnu::always_inline]] inline void fetch_next(const LinearArgs& args, const Pass& pass,
                                              const Panel& panel, std::size_t begin,
                                              std::size_t end) {
  const bool same_rows = panel.k + panel.values < args.in_features;
  const std::byte* next = args.weight +
                          (panel.row + (same_rows ? 0 : kPanelRows<Simd>)) * args.weight_stride +
                          Format::offset(same_rows ? panel.k + Format::kValues : 0);
  for (std::size_t r = begin * panel.rows / pass.tokens; r < end * panel.rows / pass.tokens; ++r) {
    for (std::size_t line = 0; line < Format::offset(Format::kValues); line += 64) {
      __builtin_prefetch(next + r * args.weight_stride + line, 0, 2);
    }
  }
}

// As many tokens from t on as whole tiles of kTokens hold; returns the next.
template <class Simd, class Format, std::size_t kTokens>
[[gnu::always_inline]] inline std::size_t panel_tokens(const LinearArgs& args, const Pass& pass,
                                                       const Panel& panel, std::size_t t) {
  constexpr std::size_t kRowFloats = kTokens * Simd::kLanes;
  auto* all = reinterpret_cast<float*>(pass.workspace + kPanelBytes<Simd, Format>);
  for (; t + kTokens <= pass.tokens; t += kTokens) {
    fetch_next<Simd, Format>(args, pass, panel, t, t + kTokens);
    float* waiting = all + t * kPanelRows<Simd> * Simd::kLanes;
    std::size_t r = 0;
    for (; r + kPanelTileRows <= panel.rows; r += kPanelTileRows) {
      panel_tile<Simd, Format, kPanelTileRows, kTokens>(args, pass, panel, r, t,
                                                        waiting + r * kRowFloats);
    }
    for (; r < panel.rows; ++r) {
      panel_tile<Simd, Format, 1, kTokens>(args, pass, panel, r, t, waiting + r * kRowFloats);
    }
  }
  return t;
}

// All rows, for the tokens of a pass.
template <class Simd, class Format>
void multiply_pass(const LinearArgs& args, const Pass& pass) {
  for (Panel panel{0, 0, 0, 0}; panel.row < args.rows; panel.row += kPanelRows<Simd>) {
    const std::size_t rows = args.rows - panel.row;
    panel.rows = rows < kPanelRows<Simd> ? rows : kPanelRows<Simd>;
    for (panel.k = 0; panel.k < args.in_features; panel.k += Format::kValues) {
      const std::size_t left = args.in_features - panel.k;
      panel.values = left < Format::kValues ? left : Format::kValues;
      for (std::size_t r = 0; r < panel.rows; ++r) {
        const std::byte* row = args.weight + (panel.row + r) * args.weight_stride;
        Format::pack(row + Format::offset(panel.k), panel.values,
                     pass.workspace + r * Format::kValues * Format::kValueBytes);
      }
      std::size_t t = panel_tokens<Simd, Format, kPanelTileTokens<Simd>>(args, pass, panel, 0);
      if constexpr (kPanelTileTokens < Simd >> 2) {
        t = panel_tokens<Simd, Format, 2>(args, pass, panel, t);
      }
      panel_tokens<Simd, Format, 1>(args, pass, panel, t);
    }
  }
}

// All tokens, their activations `x` as the format wants them, in passes of like lengths.
template <class Simd, class Format>
void multiply_passes(const LinearArgs& args, const std::byte* x, std::size_t x_stride) {
  static_assert(kPanelBytes<Simd, Format> + kPassTokens * kPanelSumBytes<Simd> <=
                kLinearWorkspaceBytes);
  const std::size_t passes = (args.tokens + kPassTokens - 1) / kPassTokens;
  const std::size_t most = round_up((args.tokens + passes - 1) / passes, kPanelTileTokens<Simd>);
  for (std::size_t begin = 0; begin < args.tokens; begin += most) {
    const std::size_t left = args.tokens - begin;
    multiply_pass<Simd, Format>(args, {.x = x + begin * x_stride,
                                       .x_stride = x_stride,
                                       .begin = begin,
                                       .tokens = left < most ? left : most,
                                       .workspace = args.workspace});
  }
}

}  // namespace bora::kernels::generic
