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

// The tiles of `values` values of a token: the parts high and low, `low` bytes apart.
template <class Simd>
[[gnu::always_inline]] inline void store_integers(const std::int16_t* codes, std::size_t values,
                                                  std::byte* to, std::size_t low) {
  auto* words = reinterpret_cast<std::int32_t*>(to);
  Simd::store_i32(words, code_bytes<Simd, true>(codes, values));
  Simd::store_i32(words + low / 4, code_bytes<Simd, false>(codes, values));
}
template <class Simd>
[[gnu::always_inline]] inline void store_codes(const std::int16_t* codes, std::size_t /*values*/,
                                               std::byte* to, std::size_t low) {
  const auto v = Simd::as_i32(Simd::load_i16(codes));
  auto* words = reinterpret_cast<std::int32_t*>(to);
  Simd::store_i32(words, code_pair<Simd>(v, ~0xFF));
  Simd::store_i32(words + low / 4, code_pair<Simd>(v, 0xFF));
}

// One group of up to 16 tokens; `rows` are theirs.
template <class Simd, TileForm kForm>
void tile_rounded(const TileActivationsArgs& args, const std::byte* rows, std::size_t tokens,
                  std::size_t group) {
  constexpr std::size_t kBlock = kForm == TileForm::kIntegers ? kIntegerBlock : kPairBlock;
  const std::size_t columns = tile_columns(args.tokens);
  const std::size_t row_bytes = rounded_row_bytes(args.in_features);
  const std::size_t tile = kTileRowBytes * columns;
  for (std::size_t k = 0; k < args.in_features; k += kBlock) {
    const std::size_t first = k / kGroupValues * kGroupValues;
    const std::size_t rest = args.in_features - first;
    std::byte* out =
        args.out + (k - first) / kBlock * 2 * tile +
        tiles_offset(kForm, args.tokens, group, first, rest < kGroupValues ? rest : kGroupValues);
    const std::size_t left = args.in_features - k;
    const std::size_t values = left < kBlock ? left : kBlock;
    for (std::size_t t = 0; t < tokens; ++t) {
      const auto* codes = reinterpret_cast<const std::int16_t*>(rows + t * row_bytes) + k;
      if constexpr (kForm == TileForm::kIntegers) {
        store_integers<Simd>(codes, values, out + t * kTileRowBytes, tile);
      } else {
        store_codes<Simd>(codes, values, out + t * kTileRowBytes, tile);
      }
    }
    const std::size_t beyond = (columns - tokens) * kTileRowBytes;
    __builtin_memset(out + tokens * kTileRowBytes, 0, beyond);
    __builtin_memset(out + tile + tokens * kTileRowBytes, 0, beyond);
  }
}

[[gnu::always_inline]] inline const std::byte* rounded_at(const TileActivationsArgs& args,
                                                          std::size_t token) {
  return args.rounded + token * rounded_row_bytes(args.in_features);
}

template <class Simd>
void tile_activations(const TileActivationsArgs& args) noexcept {
  static_assert(Simd::kLanes == 16);
  for (std::size_t group = args.first_group; group < args.end_group; ++group) {
    const std::size_t token = group * kTileTokens16;
    const std::size_t tokens = tile_columns(args.tokens - token);
    switch (args.form) {
      case TileForm::kPairs:
        tile_pairs<Simd>(
            args, args.x + token * args.in_features, tokens,
            args.out + tiles_offset(args.form, args.tokens, group, 0, args.in_features));
        break;
      case TileForm::kIntegers:
        tile_rounded<Simd, TileForm::kIntegers>(args, rounded_at(args, token), tokens, group);
        break;
      case TileForm::kCodes:
        tile_rounded<Simd, TileForm::kCodes>(args, rounded_at(args, token), tokens, group);
        break;
    }
  }
}

}  // namespace bora::kernels::generic
