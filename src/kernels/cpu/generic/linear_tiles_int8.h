// linear() of quantized weights but q4_0 and q4_1 (linear_tiles_codes.h) and several tokens by
// products of tiles of bytes (kernels/linear.h): the exact totals of linear_int16.h in another way,
// and then its f32 arithmetic, so its bits.
//
// An activation is 256 * high + low (kernels/activation_tiles.h), and so is a code where scales of
// a super-block multiply it. Their product is a sum of products of bytes, each in a tile of its own
// weight: upper (of both), middle, lower. Sixteen rows of a group are unpacked once, for all
// tokens; lanes are tokens.
#pragma once

#include "kernels/cpu/generic/tiles.h"

namespace bora::kernels::generic {

// Rows whose sums wait, so that a group of all tokens stays in the second cache meanwhile.
inline constexpr std::size_t kIntegerPassRows = 256;
inline constexpr std::size_t kIntegerPassTokens = 512;

template <class Stored>
inline constexpr bool kOneByte = Stored::kTotalValues == kBlockValues&& Stored::kScales > 1;

// Values of a tile: those of a total, or a part of them.
template <class Stored>
inline constexpr std::size_t kIntegerTileValues =
    Stored::kTotalValues < kIntegerBlock ? Stored::kTotalValues : kIntegerBlock;

// Sixteen rows of a group.
struct IntegerRows {
  alignas(64) std::byte upper[kTileRows16][kGroupValues];
  alignas(64) std::byte lower[kTileRows16][kGroupValues];  // where codes are wider than a byte
  float scale[kGroupParts][kTileRows16];
  float minimum[kGroupParts][kTileRows16];
};

// Of two totals: upper products, lower ones, those in the middle.
using IntegerTotals = std::int32_t[2][3][kTileFloats];

// The workspace.
struct IntegerPass {
  IntegerRows rows;
  alignas(64) IntegerTotals totals;
  alignas(64) float sums[kIntegerPassRows / kTileRows16][kIntegerPassTokens / kTileTokens16]
                        [kTileFloats];
};

template <class Simd, class Stored>
void unpack_integer_rows(IntegerRows& to, const GroupRows<Simd, Stored>& from, std::size_t values) {
  GroupScales<Simd> scales;
  for (std::size_t r = 0; r < kTileRows16; ++r) {
    Stored::template read_scales<Simd>(from.at[r], values, r, scales);
  }
  const std::size_t parts = values / kBlockValues;
  for (std::size_t i = 0; i < (Stored::kScales == 1 ? 1 : parts); ++i) {
    Simd::store(to.scale[i], scales.scale_at(i));
  }
  for (std::size_t p = 0; p < parts; ++p) {
    if constexpr (Stored::kHasMinimum) {
      Simd::store(to.minimum[p], Stored::template minimum<Simd>(scales, p));
    }
    for (std::size_t r = 0; r < kTileRows16; ++r) {
      CodeVectors<Simd> codes;
      from.fetch(r, p);
      Stored::template read_codes<Simd>(from.at[r], p, scales.small[r], codes);
      if constexpr (kOneByte<Stored>) {
        Simd::store_bytes(to.upper[r] + p * kBlockValues, Simd::lower_bytes(codes[0]));
      } else {
        Simd::store_bytes(to.upper[r] + p * kBlockValues, Simd::upper_bytes(codes[0]));
        Simd::store_bytes(to.lower[r] + p * kBlockValues, Simd::lower_bytes(codes[0]));
      }
    }
  }
}

// Sixteen tokens, at a group of k: where the bytes of their codes begin, their scale, their sums.
struct IntegerTokens {
  const std::byte* codes;
  std::size_t columns;
  const float* scales;
  const float* sums;
};

// The totals of the values [begin, begin + kTotalValues) of the group as tiles: upper products,
// lower ones and, of codes of two bytes, those in the middle.
template <class Tiles, class Stored>
[[gnu::always_inline]] inline void multiply_integers(Tiles& tiles, const IntegerRows& rows,
                                                     const IntegerTokens& tokens, std::size_t begin,
                                                     std::int32_t (&totals)[3][kTileFloats]) {
  constexpr std::size_t kValues = kIntegerTileValues<Stored>;
  const std::size_t plane = kTileRowBytes * tokens.columns;
  const std::size_t width = 4 * tokens.columns;
  tiles.template zero<0>();
  tiles.template zero<1>();
  if constexpr (!kOneByte<Stored>) tiles.template zero<2>();
#pragma GCC unroll 2
  for (std::size_t k = begin; k < begin + Stored::kTotalValues; k += kValues) {
    // A tile of 32 values is the upper half of a plane or the lower.
    const std::byte* x =
        tokens.codes + k / kIntegerBlock * 2 * plane + k % kIntegerBlock * width / 4;
    tiles.template load<6>(x, width);
    tiles.template load<7>(x + plane, width);
    tiles.template load<4>(&rows.upper[0][k], kGroupValues);
    tiles.template dot_ss<0, 4, 6>();
    if constexpr (kOneByte<Stored>) {
      tiles.template dot_su<1, 4, 7>();
    } else {
      tiles.template load<5>(&rows.lower[0][k], kGroupValues);
      tiles.template dot_su<2, 4, 7>();
      tiles.template dot_us<2, 5, 6>();
      tiles.template dot_uu<1, 5, 7>();
    }
  }
  tiles.template store<0>(totals[0], kTileRowBytes);
  tiles.template store<1>(totals[1], kTileRowBytes);
  if constexpr (!kOneByte<Stored>) tiles.template store<2>(totals[2], kTileRowBytes);
}

// group[r] += the totals of row r, times its scale.
template <class Simd, class Stored>
[[gnu::always_inline]] inline void add_integer_totals(const std::int32_t (&totals)[3][kTileFloats],
                                                      const float (&scale)[kTileRows16],
                                                      F32<Simd> (&group)[kTileRows16]) {
#pragma GCC unroll 16
  for (std::size_t r = 0; r < kTileRows16; ++r) {
    auto total = Simd::load_i32(totals[0] + 16 * r);
    if constexpr (!kOneByte<Stored>) total = Simd::join(total, Simd::load_i32(totals[2] + 16 * r));
    total = Simd::join(total, Simd::load_i32(totals[1] + 16 * r));
    group[r] = Simd::fma(Simd::to_f32(total), Simd::set(scale[r]), group[r]);
  }
}

// sums += `values` values of sixteen rows and as many tokens.
template <class Simd, class Tiles, class Stored>
void integer_tile(Tiles& tiles, const IntegerRows& rows, IntegerTotals& totals,
                  const IntegerTokens& tokens, std::size_t values, bool is_first, float* sums) {
  F32<Simd> group[kTileRows16];
#pragma GCC unroll 16
  for (std::size_t r = 0; r < kTileRows16; ++r) group[r] = Simd::zero();
  // The tiles of a total are computed while the one before is added.
  constexpr std::size_t kTotal = Stored::kTotalValues;
  multiply_integers<Tiles, Stored>(tiles, rows, tokens, 0, totals[0]);
  for (std::size_t begin = 0; begin < values; begin += kTotal) {
    const std::size_t index = begin / kTotal;
    if (begin + kTotal < values) {
      multiply_integers<Tiles, Stored>(tiles, rows, tokens, begin + kTotal,
                                       totals[(index + 1) % 2]);
    }
    add_integer_totals<Simd, Stored>(totals[index % 2],
                                     rows.scale[Stored::kScales == 1 ? 0 : index], group);
  }
  if constexpr (Stored::kHasMinimum) {
    for (std::size_t p = 0; p < values / kBlockValues; ++p) {
      const auto sum = Simd::load(tokens.sums + 16 * p);
#pragma GCC unroll 16
      for (std::size_t r = 0; r < kTileRows16; ++r) {
        group[r] = Simd::fma(Simd::set(rows.minimum[p][r]), sum, group[r]);
      }
    }
  }
  const auto scale = Simd::load(tokens.scales);
#pragma GCC unroll 16
  for (std::size_t r = 0; r < kTileRows16; ++r) {
    const auto before = is_first ? Simd::zero() : Simd::load(sums + 16 * r);
    Simd::store(sums + 16 * r, Simd::fma(group[r], scale, before));
  }
}

[[gnu::always_inline]] inline IntegerTokens integer_tokens(const LinearArgs& args,
                                                           std::size_t group, std::size_t columns,
                                                           std::size_t k) {
  const std::size_t in_features = args.in_features;
  const std::byte* at = args.tiles + group * integer_group_bytes(in_features, columns);
  const auto* scales =
      reinterpret_cast<const float*>(at + integer_scales_offset(in_features, columns));
  const auto* sums = reinterpret_cast<const float*>(at + integer_sums_offset(in_features, columns));
  return {at + k / kIntegerBlock * 2 * kTileRowBytes * columns, columns,
          scales + 16 * (k / kGroupValues), sums + 16 * (k / kBlockValues)};
}

// The rows [row, row + rows), at most kIntegerPassRows, and the groups [first, first + groups).
template <class Simd, class Tiles, class Stored>
void integer_pass(const LinearArgs& args, Tiles& tiles, IntegerPass& pass, std::size_t row,
                  std::size_t rows, std::size_t first, std::size_t groups) {
  const std::size_t columns = tile_columns(args.tokens);
  for (std::size_t k = 0; k < args.in_features; k += kGroupValues) {
    const std::size_t values = group_values(args.in_features - k);
    for (std::size_t r = 0; r < rows; r += kTileRows16) {
      const GroupRows<Simd, Stored> from(args, row + r, rows - r, k, kTileRows16);
      unpack_integer_rows<Simd, Stored>(pass.rows, from, values);
      for (std::size_t group = 0; group < groups; ++group) {
        integer_tile<Simd, Tiles, Stored>(tiles, pass.rows, pass.totals,
                                          integer_tokens(args, first + group, columns, k), values,
                                          k == 0, pass.sums[r / kTileRows16][group]);
      }
    }
  }
  for (std::size_t r = 0; r < rows; r += kTileRows16) {
    for (std::size_t group = 0; group < groups; ++group) {
      const std::size_t token = (first + group) * kTileTokens16;
      finish_tile<Simd>(args, row + r, tile_rows(rows - r), token,
                        tile_columns(args.tokens - token), pass.sums[r / kTileRows16][group]);
    }
  }
}

template <class Simd, class Tiles, DType kType>
void linear_tiles_int8(const LinearArgs& args) noexcept {
  using Stored = CodeFormat<kType>;
  static_assert(Simd::kLanes == kTileTokens16 && sizeof(IntegerPass) <= kLinearWorkspaceBytes);
  auto& pass = *reinterpret_cast<IntegerPass*>(args.workspace);
  Tiles tiles(tile_shapes(tile_columns(args.tokens), kIntegerTileValues<Stored>));
  const std::size_t groups = tile_groups(args.tokens);
  constexpr std::size_t kPassGroups = kIntegerPassTokens / kTileTokens16;
  for (std::size_t first = 0; first < groups; first += kPassGroups) {
    const std::size_t some = groups - first < kPassGroups ? groups - first : kPassGroups;
    for (std::size_t row = 0; row < args.rows; row += kIntegerPassRows) {
      const std::size_t left = args.rows - row;
      integer_pass<Simd, Tiles, Stored>(
          args, tiles, pass, row, left < kIntegerPassRows ? left : kIntegerPassRows, first, some);
    }
  }
}

}  // namespace bora::kernels::generic
