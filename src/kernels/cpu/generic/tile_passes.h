// linear() of quantized weights and several tokens by products of tiles (kernels/linear.h): what
// linear_tiles_int8.h and linear_tiles_codes.h share. Both give the exact totals of linear_int16.h
// in another way, and then its f32 arithmetic, so its bits.
//
// Tokens are the rows of the first operand; sixteen rows of weights are the columns of the second,
// as interleaved words lie already, unpacked once for all tokens; lanes are rows of weights.
//
// A way of multiplying one type is a struct that has
//   Stored         its CodeFormat
//   kForm          of the activations
//   shapes(tokens) of the tiles
//   Rows           the codes of sixteen rows of a group, in tiles
//   unpack(rows, scales, part, to)
//                  the parts [part, part + RowCodes::kStepParts) of them
//   Totals         of sixteen rows and as many tokens, as they leave the tiles
//   multiply(tiles, rows, tokens, values, totals)
//                  all totals of a group
//   total(totals, index, token)
//                  one of them, of sixteen rows, as f32
#pragma once

#include "kernels/cpu/generic/tile_activations.h"
#include "kernels/cpu/generic/tiles.h"

namespace bora::kernels::generic {

// Sixteen rows of a group.
template <class Kernel>
struct UnpackedRows {
  typename Kernel::Rows codes;
  float scale[Kernel::Stored::kScales][kTileRows16];
  float minimum[kGroupParts][kTileRows16];
};

// The workspace.
template <class Kernel>
struct QuantizedPass {
  UnpackedRows<Kernel> rows[kTilePassRows / kTileRows16];
  typename Kernel::Totals totals;
  alignas(64) float sums[kTilePassRows / kTileRows16][kTilePassTokens][kTileRows16];
};

template <class Simd, class Kernel, class Rows>
void unpack_rows_of(const Rows& rows, const Pieces& next, std::size_t values,
                    UnpackedRows<Kernel>& to) {
  using Stored = typename Kernel::Stored;
  using OfType = RowCodes<Stored::kType>;
  typename OfType::template Scales<Simd, Rows> scales;
  scales.read(rows, values);
  for (std::size_t i = 0; i < (Stored::kScales == 1 ? 1 : values / kBlockValues); ++i) {
    Simd::store(to.scale[i], scales.scale_of(i));
  }
  for (std::size_t part = 0; part < values / kBlockValues; part += OfType::kStepParts) {
    fetch<Simd, Stored::kGroupBytes, Cache::kSecond>(next, part, OfType::kStepParts);
    Kernel::template unpack<Simd>(rows, scales, part, to.codes);
    if constexpr (Stored::kHasMinimum) {
      for (std::size_t p = part; p < part + OfType::kStepParts; ++p) {
        Simd::store(to.minimum[p], scales.minimum_of(p));
      }
    }
  }
}

// Sixteen rows from `row` on, of which `rows` are wanted and no more are there, at the group of k.
template <class Simd, class Kernel>
void unpack_tile(const LinearArgs& args, std::size_t row, std::size_t rows, std::size_t k,
                 UnpackedRows<Kernel>& to) {
  constexpr DType kType = Kernel::Stored::kType;
  constexpr std::size_t kGroupBytes = Kernel::Stored::kGroupBytes;
  using Interleaved = InterleavedRows<Simd, kType>;
  using Separate = SeparateRows<Simd, kType>;
  const std::size_t values = group_values(args.in_features - k);
  const std::size_t group = k / kGroupValues;
  const std::byte* first = args.weight + row * args.weight_stride;
  if (args.interleaved > 1) {
    const Interleaved from(first + group * Interleaved::kGroupBytes, 0, values);
    const Pieces next = fetched<Simd, kType, 1, Interleaved>(args, {row, 0, 0, 0}, 0, group);
    return unpack_rows_of<Simd, Kernel>(from, next, values, to);
  }
  first += group * kGroupBytes;
  if (rows >= kTileRows16) {
    const RowLanes lanes{row, args.weight_stride, 0, 0};
    const Separate from(first, args.weight_stride, values);
    const Pieces next = fetched<Simd, kType, 1, Separate>(args, lanes, 0, group);
    return unpack_rows_of<Simd, Kernel>(from, next, values, to);
  }
  std::byte copy[kTileRows16][kGroupBytes];
  const std::size_t bytes = values / Interleaved::kBlockValues * Interleaved::kBlockBytes;
  for (std::size_t r = 0; r < kTileRows16; ++r) {
    __builtin_memcpy(copy[r], first + (r < rows ? r : 0) * args.weight_stride, bytes);
  }
  const Separate from(copy[0], kGroupBytes, values);
  unpack_rows_of<Simd, Kernel>(from, Pieces{first, 0}, values, to);
}

// Up to sixteen tokens, at a group of k: the tiles of their codes, the scale of the first one and
// its sums of codes; those of the others lie `stride` floats further each.
struct TokenGroup {
  const std::byte* codes;
  std::size_t columns;
  std::size_t count;
  const float* scales;
  const float* sums;
  std::size_t stride;
};

template <class Kernel>
[[gnu::always_inline]] inline TokenGroup tokens_at(const LinearArgs& args, std::size_t group,
                                                   std::size_t k) {
  const std::size_t token = group * kTileTokens16;
  const RoundedRow x = rounded_row(args, token);
  const std::size_t values = group_values(args.in_features - k);
  return {args.tiles + tiles_offset(Kernel::kForm, args.tokens, group, k, values),
          tile_columns(args.tokens),
          tile_columns(args.tokens - token),
          x.scales + k / kGroupValues,
          x.sums + k / kBlockValues,
          rounded_row_bytes(args.in_features) / sizeof(float)};
}

// sums[t] += the group at k, of `values` values, of sixteen rows and token t.
template <class Simd, class Kernel>
[[gnu::always_inline]] inline void add_tile_totals(const typename Kernel::Totals& totals,
                                                   const UnpackedRows<Kernel>& rows,
                                                   const TokenGroup& tokens, bool is_first,
                                                   std::size_t values, float (*sums)[kTileRows16]) {
  using Stored = typename Kernel::Stored;
  const std::size_t count = values / Stored::kTotalValues;
  const std::size_t parts = values / kBlockValues;
  F32<Simd> scales[Stored::kScales];
  F32<Simd> minima[kGroupParts];
#pragma GCC unroll 8
  for (std::size_t i = 0; i < (Stored::kScales == 1 ? 1 : count); ++i) {
    scales[i] = Simd::load(rows.scale[i]);
  }
  if constexpr (Stored::kHasMinimum) {
#pragma GCC unroll 8
    for (std::size_t p = 0; p < parts; ++p) minima[p] = Simd::load(rows.minimum[p]);
  }
  for (std::size_t t = 0; t < tokens.count; ++t) {
    auto group = Simd::zero();
#pragma GCC unroll 8
    for (std::size_t i = 0; i < count; ++i) {
      group = Simd::fma(Kernel::template total<Simd>(totals, i, t),
                        scales[Stored::kScales == 1 ? 0 : i], group);
    }
    if constexpr (Stored::kHasMinimum) {
      const float* block_sums = tokens.sums + t * tokens.stride;
#pragma GCC unroll 8
      for (std::size_t p = 0; p < parts; ++p) {
        group = Simd::fma(minima[p], Simd::set(block_sums[p]), group);
      }
    }
    const auto before = is_first ? Simd::zero() : Simd::load(sums[t]);
    Simd::store(sums[t], Simd::fma(group, Simd::set(tokens.scales[t * tokens.stride]), before));
  }
}

// The rows of a pass, at the group of k, and some tokens.
template <class Simd, class Tiles, class Kernel>
[[gnu::always_inline]] inline void multiply_tokens(Tiles& tiles, QuantizedPass<Kernel>& pass,
                                                   std::size_t rows, const TokenGroup& tokens,
                                                   bool is_first, std::size_t values,
                                                   std::size_t token) {
  // The tokens after these, spread over the rows of a whole pass.
  const std::byte* next = tokens.codes + tiles_group_bytes(Kernel::kForm, values, tokens.columns);
  constexpr std::size_t kEach =
      tiles_group_bytes(Kernel::kForm, kGroupValues, kTileTokens16) * kTileRows16 / kTilePassRows;
  for (std::size_t r = 0; r < rows; r += kTileRows16, next += kEach) {
    const UnpackedRows<Kernel>& some = pass.rows[r / kTileRows16];
    for (std::size_t line = 0; line < kEach; line += 64) __builtin_prefetch(next + line, 0, 2);
    Kernel::multiply(tiles, some.codes, tokens, values, pass.totals);
    add_tile_totals<Simd, Kernel>(pass.totals, some, tokens, is_first, values,
                                  &pass.sums[r / kTileRows16][token]);
  }
}

// The rows [row, row + rows), at most those of a pass, and the tokens [first, first + tokens).
template <class Simd, class Tiles, class Kernel>
void multiply_pass(const LinearArgs& args, Tiles& tiles, QuantizedPass<Kernel>& pass,
                   std::size_t row, std::size_t rows, std::size_t first, std::size_t tokens) {
  for (std::size_t k = 0; k < args.in_features; k += kGroupValues) {
    for (std::size_t r = 0; r < rows; r += kTileRows16) {
      unpack_tile<Simd, Kernel>(args, row + r, rows - r, k, pass.rows[r / kTileRows16]);
    }
    const std::size_t values = group_values(args.in_features - k);
    for (std::size_t t = 0; t < tokens; t += kTileTokens16) {
      const TokenGroup some = tokens_at<Kernel>(args, (first + t) / kTileTokens16, k);
      if (values == kGroupValues) {
        multiply_tokens<Simd>(tiles, pass, rows, some, k == 0, kGroupValues, t);
      } else {
        multiply_tokens<Simd>(tiles, pass, rows, some, k == 0, values, t);
      }
    }
  }
  for (std::size_t t = 0; t < tokens; ++t) {
    for (std::size_t r = 0; r < rows; r += kTileRows16) {
      finish_rows<Simd>(args, row + r, 0, tile_rows(rows - r), first + t,
                        Simd::load(pass.sums[r / kTileRows16][t]));
    }
  }
}

template <class Simd, class Tiles, class Kernel>
void linear_by_tiles(const LinearArgs& args) noexcept {
  static_assert(Simd::kLanes == kTileRows16);
  static_assert(sizeof(QuantizedPass<Kernel>) <= kLinearWorkspaceBytes);
  auto& pass = *reinterpret_cast<QuantizedPass<Kernel>*>(args.workspace);
  Tiles tiles(Kernel::shapes(tile_columns(args.tokens)));
  for (std::size_t first = 0; first < args.tokens; first += kTilePassTokens) {
    const std::size_t left = args.tokens - first;
    const std::size_t tokens = left < kTilePassTokens ? left : kTilePassTokens;
    for (std::size_t row = 0; row < args.rows; row += kTilePassRows) {
      const std::size_t rows = args.rows - row;
      multiply_pass<Simd>(args, tiles, pass, row, rows < kTilePassRows ? rows : kTilePassRows,
                          first, tokens);
    }
  }
}

}  // namespace bora::kernels::generic
