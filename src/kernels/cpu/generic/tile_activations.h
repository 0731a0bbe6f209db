// The algorithm of kernels/activation_tiles.h, for wrappers of sixteen lanes: a row of a tile is a
// vector, so that where tokens are its columns sixteen of a block are turned as a matrix of 32-bit
// lanes.
#pragma once

#include "kernels/activation_tiles.h"
#include "kernels/cpu/generic/linear_bf16.h"
#include "kernels/cpu/generic/weights.h"

namespace bora::kernels::generic {

// Turns 16 vectors, one a token, into the rows of a tile of `columns` columns.
template <class Simd>
[[gnu::always_inline]] inline void store_turned(typename Simd::I32 (&tokens)[16],
                                                std::size_t columns, std::byte* to) {
  Simd::transpose(tokens);
  if (columns == kTileTokens16) {
#pragma GCC unroll 16
    for (std::size_t i = 0; i < 16; ++i) {
      Simd::store_i32(reinterpret_cast<std::int32_t*>(to + i * kTileRowBytes), tokens[i]);
    }
    return;
  }
  for (std::size_t i = 0; i < 16; ++i, to += 4 * columns) {
    std::int32_t lanes[16];
    Simd::store_i32(lanes, tokens[i]);
    __builtin_memcpy(to, lanes, 4 * columns);
  }
}

// `values` values of a token as a vector of bf16, zeros beyond them.
template <class Simd>
[[gnu::always_inline]] inline typename Simd::I32 bf16_vector(const float* x, std::size_t values) {
  alignas(64) std::byte pairs[kTileRowBytes];
  round_row<Simd>(x, values, pairs);
  return Simd::load_i32(reinterpret_cast<const std::int32_t*>(pairs));
}

// One group of up to 16 tokens; x is that of its first.
template <class Simd>
void tile_pairs(const TileActivationsArgs& args, const float* x, std::size_t tokens,
                std::byte* out) {
  for (std::size_t k = 0; k < args.in_features; k += kPairBlock) {
    const std::size_t left = args.in_features - k;
    const std::size_t values = left < kPairBlock ? left : kPairBlock;
    typename Simd::I32 turned[16];
    for (std::size_t t = 0; t < 16; ++t) {
      turned[t] =
          t < tokens ? bf16_vector<Simd>(x + t * args.in_features + k, values) : Simd::clear_i32();
    }
    store_turned<Simd>(turned, tile_columns(args.tokens), out);
    out += kTileRowBytes * tile_columns(args.tokens);
  }
}

// The bytes of 64 codes: their upper ones, or their lower; zeros beyond `values`, 32 or 64.
template <class Simd, bool kUpper>
[[gnu::always_inline]] inline typename Simd::I32 code_bytes(const std::int16_t* codes,
                                                            std::size_t values) {
  alignas(64) std::byte bytes[kTileRowBytes] = {};
  for (std::size_t i = 0; i < values; i += 2 * Simd::kLanes) {
    const auto v = Simd::load_i16(codes + i);
    Simd::store_bytes(bytes + i, kUpper ? Simd::upper_bytes(v) : Simd::lower_bytes(v));
  }
  return Simd::load_i32(reinterpret_cast<const std::int32_t*>(bytes));
}

template <class Simd, bool kUpper>
[[gnu::always_inline]] inline void tile_bytes(const TileActivationsArgs& args,
                                              const std::byte* rows, std::size_t tokens,
                                              std::size_t k, std::byte* out) {
  const std::size_t left = args.in_features - k;
  const std::size_t values = left < kIntegerBlock ? left : kIntegerBlock;
  typename Simd::I32 turned[16];
  for (std::size_t t = 0; t < 16; ++t) {
    const auto* codes =
        reinterpret_cast<const std::int16_t*>(rows + t * rounded_row_bytes(args.in_features));
    turned[t] = t < tokens ? code_bytes<Simd, kUpper>(codes + k, values) : Simd::clear_i32();
  }
  store_turned<Simd>(turned, tile_columns(args.tokens), out);
}

// `count` f32 of each token, from `offset` bytes of its row on, the tokens side by side.
template <class Simd>
void tile_numbers(const std::byte* rows, std::size_t row_bytes, std::size_t tokens,
                  std::size_t offset, std::size_t count, std::byte* out) {
  auto* to = reinterpret_cast<float*>(out);
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t t = 0; t < 16; ++t) {
      const auto* from = reinterpret_cast<const float*>(rows + t * row_bytes + offset);
      to[16 * i + t] = t < tokens ? from[i] : 0.0F;
    }
  }
}

// One group of up to 16 tokens; `rows` are theirs.
template <class Simd>
void tile_integers(const TileActivationsArgs& args, const std::byte* rows, std::size_t tokens,
                   std::byte* out) {
  const std::size_t in_features = args.in_features;
  const std::size_t plane = kTileRowBytes * tile_columns(args.tokens);
  for (std::size_t k = 0; k < in_features; k += kIntegerBlock) {
    std::byte* to = out + k / kIntegerBlock * 2 * plane;
    tile_bytes<Simd, true>(args, rows, tokens, k, to);
    tile_bytes<Simd, false>(args, rows, tokens, k, to + plane);
  }
  const std::size_t row_bytes = rounded_row_bytes(in_features);
  tile_numbers<Simd>(rows, row_bytes, tokens, rounded_scales_offset(in_features),
                     (in_features + kGroupValues - 1) / kGroupValues,
                     out + integer_scales_offset(in_features, tile_columns(args.tokens)));
  tile_numbers<Simd>(rows, row_bytes, tokens, rounded_sums_offset(in_features),
                     in_features / kBlockValues,
                     out + integer_sums_offset(in_features, tile_columns(args.tokens)));
}

// Two floats that bf16 holds, as the pair of each lane.
template <class Simd>
[[gnu::always_inline]] inline typename Simd::I32 bf16_pair(F32<Simd> first, F32<Simd> second) {
  return Simd::either(Simd::template right_u32<16>(Simd::as_bits(first)),
                      Simd::bits(Simd::as_bits(second), static_cast<std::int32_t>(0xFFFF0000)));
}

// Two codes of each lane, as the pair of bf16 of what `mask` leaves of them: exact.
template <class Simd>
[[gnu::always_inline]] inline typename Simd::I32 code_pair(typename Simd::I32 v,
                                                           std::int32_t mask) {
  const auto first = Simd::template right_i32<16>(Simd::template left_i32<16>(v));
  const auto second = Simd::template right_i32<16>(v);
  return bf16_pair<Simd>(Simd::to_f32(Simd::bits(first, mask)),
                         Simd::to_f32(Simd::bits(second, mask)));
}

// One group of up to 16 tokens; `rows` are theirs.
template <class Simd>
void tile_codes(const TileActivationsArgs& args, const std::byte* rows, std::size_t tokens,
                std::size_t group) {
  const std::size_t columns = tile_columns(args.tokens);
  const std::size_t row_bytes = rounded_row_bytes(args.in_features);
  for (std::size_t k = 0; k < args.in_features; k += kGroupValues) {
    const std::size_t left = args.in_features - k;
    const std::size_t values = left < kGroupValues ? left : kGroupValues;
    std::byte* out = args.out + code_offset(args.tokens, group, k, values);
    for (std::size_t block = k; block < k + values; block += kPairBlock) {
      for (std::size_t t = 0; t < columns; ++t, out += kTileRowBytes) {
        auto v = Simd::clear_i32();
        if (t < tokens) {
          const auto* codes = reinterpret_cast<const std::int16_t*>(rows + t * row_bytes);
          v = Simd::as_i32(Simd::load_i16(codes + block));
        }
        auto* to = reinterpret_cast<std::int32_t*>(out);
        Simd::store_i32(to, code_pair<Simd>(v, ~0xFF));
        Simd::store_i32(to + kTileRowBytes / 4 * columns, code_pair<Simd>(v, 0xFF));
      }
      out += kTileRowBytes * columns;
    }
  }
}

[[gnu::always_inline]] inline const std::byte* rounded_at(const TileActivationsArgs& args,
                                                          std::size_t token) {
  return args.rounded + token * rounded_row_bytes(args.in_features);
}

template <class Simd>
void tile_activations(const TileActivationsArgs& args) noexcept {
  static_assert(Simd::kLanes == 16);
  const std::size_t columns = tile_columns(args.tokens);
  for (std::size_t group = args.first_group; group < args.end_group; ++group) {
    const std::size_t token = group * kTileTokens16;
    const std::size_t tokens = tile_columns(args.tokens - token);
    switch (args.form) {
      case TileForm::kPairs:
        tile_pairs<Simd>(args, args.x + token * args.in_features, tokens,
                         args.out + group * pair_group_bytes(args.in_features, columns));
        break;
      case TileForm::kIntegers:
        tile_integers<Simd>(args, rounded_at(args, token), tokens,
                            args.out + group * integer_group_bytes(args.in_features, columns));
        break;
      case TileForm::kCodes:
        tile_codes<Simd>(args, rounded_at(args, token), tokens, group);
        break;
    }
  }
}

}  // namespace bora::kernels::generic
