// linear() of q4_0 and q4_1 by products of tiles of bf16 (tile_passes.h).
//
// An activation is 256 * high + low (kernels/activation_tiles.h), and bf16 holds these two as it
// holds codes. Codes are at most 15, so all sums of products of a block stay below 2^24: they are
// exact as f32, whatever their order, in one tile, where integers would take two and a conversion.
// Storing tiles is what takes the time.
#pragma once

#include "kernels/cpu/generic/tile_passes.h"

namespace bora::kernels::generic {

template <DType kType>
struct CodeTiles {
  using Stored = CodeFormat<kType>;
  static constexpr TileForm kForm = TileForm::kCodes;

  // A tile for each block: [pairs of values][rows][2] bf16.
  struct Rows {
    alignas(64) std::byte pairs[kGroupParts][kTileBytes];
  };
  struct Totals {
    alignas(64) float of[kGroupParts][kTileFloats];
  };

  static constexpr TileShapes shapes(std::size_t tokens) {
    return token_tile_shapes(tokens, kTileRowBytes);
  }

  // A block: its low nibbles are the first half of the values, the high ones the second.
  template <class Simd, class From, class Scales>
  [[gnu::always_inline]] static void unpack(const From& rows, const Scales& /*scales*/,
                                            std::size_t part, Rows& to) {
    I32<Simd> v[4];
    rows.words(part, block_parts(kType).words_offset, v);
    std::byte* at = to.pairs[part];
#pragma GCC unroll 4
    for (std::size_t i = 0; i < 4; ++i, at += 2 * kTileRowBytes) {
      store_codes<Simd, 0>(v[i], at);
      store_codes<Simd, 4>(v[i], at + kTileBytes / 2);
    }
  }

  template <class Tiles>
  [[gnu::always_inline]] static void multiply(Tiles& tiles, const Rows& rows,
                                              const TokenGroup& tokens, std::size_t values,
                                              Totals& totals) {
    const std::size_t tile = kTileRowBytes * tokens.columns;
    const std::byte* x = tokens.codes;
    for (std::size_t part = 0; part < values / kBlockValues; ++part, x += 2 * tile) {
      tiles.template zero<0>();
      tiles.template load<6>(rows.pairs[part], kTileRowBytes);
      tiles.template load<4>(x, kTileRowBytes);
      tiles.template dot_bf16<0, 4, 6>();
      tiles.template load<4>(x + tile, kTileRowBytes);
      tiles.template dot_bf16<0, 4, 6>();
      tiles.template store<0>(totals.of[part], kTileRowBytes);
    }
  }

  template <class Simd>
  [[gnu::always_inline]] static F32<Simd> total(const Totals& totals, std::size_t index,
                                                std::size_t token) {
    return Simd::load(totals.of[index] + kTileRows16 * token);
  }

 private:
  // The nibble at a bit of each lane.
  template <class Simd, int kBit>
  [[gnu::always_inline]] static F32<Simd> code_at(I32<Simd> v) {
    const auto code = Simd::to_f32(Simd::bits(Simd::template right_u32<kBit>(v), 15));
    return kType == DType::kQ4_0 ? Simd::sub(code, Simd::set(8.0F)) : code;
  }

  // The four codes of each lane that begin at kBit and every 8 further, to two rows of a tile.
  template <class Simd, int kBit>
  [[gnu::always_inline]] static void store_codes(I32<Simd> v, std::byte* to) {
    const auto first = bf16_pair<Simd>(code_at<Simd, kBit>(v), code_at<Simd, kBit + 8>(v));
    const auto second = bf16_pair<Simd>(code_at<Simd, kBit + 16>(v), code_at<Simd, kBit + 24>(v));
    Simd::store_i32(reinterpret_cast<std::int32_t*>(to), first);
    Simd::store_i32(reinterpret_cast<std::int32_t*>(to + kTileRowBytes), second);
  }
};

}  // namespace bora::kernels::generic
