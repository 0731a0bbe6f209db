// linear() of q4_0 and q4_1 weights and several tokens by products of tiles of bf16
// (kernels/linear.h): the exact totals of linear_int16.h in another way, and then its f32
// arithmetic, so its bits.
//
// An activation is 256 * high + low (kernels/activation_tiles.h), and bf16 holds these two as it
// holds codes. Codes are at most 15, so all sums of products of a block stay below 2^24: they are
// exact as f32, whatever their order, in one tile, where integers would take two and a conversion.
// Storing tiles is what takes the time.
//
// Tokens are the rows of the first operand; sixteen rows of weights are the columns of the second,
// unpacked once for all tokens; lanes are rows of weights.
#pragma once

#include "kernels/cpu/generic/tile_activations.h"
#include "kernels/cpu/generic/tiles.h"

namespace bora::kernels::generic {

// Rows whose sums wait, so that a group of all tokens stays in the second cache meanwhile.
inline constexpr std::size_t kCodePassRows = 256;
inline constexpr std::size_t kCodePassTokens = 512;

// Sixteen rows of a group: a tile for each block, [pairs of values][rows][2] bf16.
struct CodeRows {
  alignas(64) std::byte pairs[kGroupParts][kTileBytes];
  float scale[kGroupParts][kTileRows16];
  float minimum[kGroupParts][kTileRows16];
};

// Of each block.
using CodeTotals = float[kGroupParts][kTileFloats];

// The workspace.
struct CodePass {
  CodeRows rows[kCodePassRows / kTileRows16];
  alignas(64) CodeTotals totals;
  alignas(64) float sums[kCodePassRows / kTileRows16][kCodePassTokens][kTileRows16];
};

// The nibble at a bit of each lane.
template <class Simd, DType kType, int kBit>
[[gnu::always_inline]] inline F32<Simd> code_at(I32<Simd> v) {
  const auto code = Simd::to_f32(Simd::bits(Simd::template right_u32<kBit>(v), 15));
  return kType == DType::kQ4_0 ? Simd::sub(code, Simd::set(8.0F)) : code;
}

// The four codes of each lane that begin at kBit and every 8 further, to two rows of a tile.
template <class Simd, DType kType, int kBit>
[[gnu::always_inline]] inline void store_codes(I32<Simd> v, std::byte* to) {
  const auto first =
      bf16_pair<Simd>(code_at<Simd, kType, kBit>(v), code_at<Simd, kType, kBit + 8>(v));
  const auto second =
      bf16_pair<Simd>(code_at<Simd, kType, kBit + 16>(v), code_at<Simd, kType, kBit + 24>(v));
  Simd::store_i32(reinterpret_cast<std::int32_t*>(to), first);
  Simd::store_i32(reinterpret_cast<std::int32_t*>(to + kTileRowBytes), second);
}

// A block: its low nibbles are the first half of the values, the high ones the second.
template <class Simd, DType kType, class Rows>
[[gnu::always_inline]] inline void unpack_block(const Rows& rows, std::size_t block,
                                                std::byte* to) {
  I32<Simd> v[4];
  rows.words(block, block_parts(kType).words_offset, v);
#pragma GCC unroll 4
  for (std::size_t i = 0; i < 4; ++i, to += 2 * kTileRowBytes) {
    store_codes<Simd, kType, 0>(v[i], to);
    store_codes<Simd, kType, 4>(v[i], to + kTileBytes / 2);
  }
}

template <class Simd, DType kType, class Rows>
void unpack_code_rows(const Rows& rows, const Pieces& next, std::size_t values, CodeRows& to) {
  typename RowCodes<kType>::template Scales<Simd, Rows> scales;
  scales.read(rows, values);
  for (std::size_t part = 0; part < values / kBlockValues; ++part) {
    fetch<Simd, CodeFormat<kType>::kGroupBytes, Cache::kSecond>(next, part, 1);
    unpack_block<Simd, kType>(rows, part, to.pairs[part]);
    Simd::store(to.scale[part], scales.scale_of(part));
    if constexpr (CodeFormat<kType>::kHasMinimum) {
      Simd::store(to.minimum[part], scales.minimum_of(part));
    }
  }
}

// Sixteen rows from `row` on, of which `rows` are wanted and no more are there, at the group of k.
template <class Simd, DType kType>
void unpack_code_tile(const LinearArgs& args, std::size_t row, std::size_t rows, std::size_t k,
                      CodeRows& to) {
  constexpr std::size_t kGroupBytes = CodeFormat<kType>::kGroupBytes;
  using Interleaved = InterleavedRows<Simd, kType>;
  using Separate = SeparateRows<Simd, kType>;
  const std::size_t values = group_values(args.in_features - k);
  const std::size_t group = k / kGroupValues;
  const std::byte* first = args.weight + row * args.weight_stride;
  if (args.interleaved > 1) {
    const Interleaved from(first + group * Interleaved::kGroupBytes, 0, values);
    const Pieces next = fetched<Simd, kType, 1, Interleaved>(args, {row, 0, 0, 0}, 0, group);
    return unpack_code_rows<Simd, kType>(from, next, values, to);
  }
  first += group * kGroupBytes;
  if (rows >= kTileRows16) {
    const RowLanes lanes{row, args.weight_stride, 0, 0};
    const Separate from(first, args.weight_stride, values);
    const Pieces next = fetched<Simd, kType, 1, Separate>(args, lanes, 0, group);
    return unpack_code_rows<Simd, kType>(from, next, values, to);
  }
  std::byte copy[kTileRows16][kGroupBytes];
  const std::size_t bytes = values / kBlockValues * info(kType).block_bytes;
  for (std::size_t r = 0; r < kTileRows16; ++r) {
    __builtin_memcpy(copy[r], first + (r < rows ? r : 0) * args.weight_stride, bytes);
  }
  const Separate from(copy[0], kGroupBytes, values);
  unpack_code_rows<Simd, kType>(from, Pieces{first, 0}, values, to);
}

// Up to sixteen tokens, at a group of k: the tiles of their codes, the scale of the first one and
// its sums of codes; those of the others lie `stride` floats further each.
struct CodeTokens {
  const std::byte* codes;
  std::size_t columns;
  std::size_t count;
  const float* scales;
  const float* sums;
  std::size_t stride;
};

[[gnu::always_inline]] inline CodeTokens tokens_at(const LinearArgs& args, std::size_t group,
                                                   std::size_t k) {
  const std::size_t token = group * kTileTokens16;
  const RoundedRow x = rounded_row(args, token);
  return {args.tiles + code_offset(args.tokens, group, k, group_values(args.in_features - k)),
          tile_columns(args.tokens),
          tile_columns(args.tokens - token),
          x.scales + k / kGroupValues,
          x.sums + k / kBlockValues,
          rounded_row_bytes(args.in_features) / sizeof(float)};
}

// The totals of sixteen rows and the tokens, of each block.
template <class Tiles>
[[gnu::always_inline]] inline void multiply_codes(Tiles& tiles, const CodeRows& rows,
                                                  const CodeTokens& tokens, std::size_t parts,
                                                  CodeTotals& totals) {
  const std::size_t tile = kTileRowBytes * tokens.columns;
  const std::byte* x = tokens.codes;
  for (std::size_t part = 0; part < parts; ++part, x += 2 * tile) {
    tiles.template zero<0>();
    tiles.template load<6>(rows.pairs[part], kTileRowBytes);
    tiles.template load<4>(x, kTileRowBytes);
    tiles.template dot_bf16<0, 4, 6>();
    tiles.template load<4>(x + tile, kTileRowBytes);
    tiles.template dot_bf16<0, 4, 6>();
    tiles.template store<0>(totals[part], kTileRowBytes);
  }
}

// sums[t] += the group at k of sixteen rows and token t.
template <class Simd, class Stored>
[[gnu::always_inline]] inline void add_code_totals(const CodeTotals& totals, const CodeRows& rows,
                                                   const CodeTokens& tokens, bool is_first,
                                                   std::size_t parts, float (*sums)[kTileRows16]) {
  F32<Simd> scales[kGroupParts];
  F32<Simd> minima[kGroupParts];
#pragma GCC unroll 8
  for (std::size_t p = 0; p < parts; ++p) {
    scales[p] = Simd::load(rows.scale[p]);
    if constexpr (Stored::kHasMinimum) minima[p] = Simd::load(rows.minimum[p]);
  }
  for (std::size_t t = 0; t < tokens.count; ++t) {
    auto group = Simd::zero();
#pragma GCC unroll 8
    for (std::size_t p = 0; p < parts; ++p) {
      group = Simd::fma(Simd::load(totals[p] + kTileRows16 * t), scales[p], group);
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
template <class Simd, class Tiles, class Stored>
[[gnu::always_inline]] inline void code_tokens(Tiles& tiles, CodePass& pass, std::size_t rows,
                                               const CodeTokens& tokens, bool is_first,
                                               std::size_t parts, std::size_t token) {
  // The tokens after these, spread over the rows of a whole pass.
  const std::byte* next = tokens.codes + code_group_bytes(parts * kBlockValues, tokens.columns);
  constexpr std::size_t kEach =
      code_group_bytes(kGroupValues, kTileTokens16) * kTileRows16 / kCodePassRows;
  for (std::size_t r = 0; r < rows; r += kTileRows16, next += kEach) {
    const CodeRows& some = pass.rows[r / kTileRows16];
    for (std::size_t line = 0; line < kEach; line += 64) __builtin_prefetch(next + line, 0, 2);
    multiply_codes<Tiles>(tiles, some, tokens, parts, pass.totals);
    add_code_totals<Simd, Stored>(pass.totals, some, tokens, is_first, parts,
                                  &pass.sums[r / kTileRows16][token]);
  }
}

// The rows [row, row + rows), at most kCodePassRows, and the tokens [first, first + tokens).
template <class Simd, class Tiles, class Stored>
void code_pass(const LinearArgs& args, Tiles& tiles, CodePass& pass, std::size_t row,
               std::size_t rows, std::size_t first, std::size_t tokens) {
  for (std::size_t k = 0; k < args.in_features; k += kGroupValues) {
    for (std::size_t r = 0; r < rows; r += kTileRows16) {
      unpack_code_tile<Simd, Stored::kType>(args, row + r, rows - r, k, pass.rows[r / kTileRows16]);
    }
    const std::size_t parts = group_values(args.in_features - k) / kBlockValues;
    for (std::size_t t = 0; t < tokens; t += kTileTokens16) {
      const CodeTokens some = tokens_at(args, (first + t) / kTileTokens16, k);
      if (parts == kGroupParts) {
        code_tokens<Simd, Tiles, Stored>(tiles, pass, rows, some, k == 0, kGroupParts, t);
      } else {
        code_tokens<Simd, Tiles, Stored>(tiles, pass, rows, some, k == 0, parts, t);
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

template <class Simd, class Tiles, DType kType>
void linear_tiles_codes(const LinearArgs& args) noexcept {
  using Stored = CodeFormat<kType>;
  static_assert(Simd::kLanes == kTileRows16 && sizeof(CodePass) <= kLinearWorkspaceBytes);
  auto& pass = *reinterpret_cast<CodePass*>(args.workspace);
  Tiles tiles(token_tile_shapes(tile_columns(args.tokens)));
  for (std::size_t first = 0; first < args.tokens; first += kCodePassTokens) {
    const std::size_t left = args.tokens - first;
    const std::size_t tokens = left < kCodePassTokens ? left : kCodePassTokens;
    for (std::size_t row = 0; row < args.rows; row += kCodePassRows) {
      const std::size_t rows = args.rows - row;
      code_pass<Simd, Tiles, Stored>(args, tiles, pass, row,
                                     rows < kCodePassRows ? rows : kCodePassRows, first, tokens);
    }
  }
}

}  // namespace bora::kernels::generic
