// linear() of q8_0 and the types of super-blocks by products of tiles of bytes (tile_passes.h).
//
// An activation is 256 * high + low (kernels/activation_tiles.h), and so is a code where scales of
// a super-block multiply it. Their product is a sum of products of bytes, each in a tile of its own
// weight: upper (of both), lower, middle.
#pragma once

#include "kernels/cpu/generic/tile_passes.h"

namespace bora::kernels::generic {

template <DType kType>
struct ByteTiles {
  using Stored = CodeFormat<kType>;
  static constexpr TileForm kForm = TileForm::kIntegers;
  static constexpr bool kOneByte = kType == DType::kQ8_0;
  // Values of a tile: those of a total, or a part of them.
  static constexpr std::size_t kValues =
      Stored::kTotalValues < kIntegerBlock ? Stored::kTotalValues : kIntegerBlock;

  // [four values][rows][4]: the upper bytes, and the lower ones where there are two.
  struct Rows {
    alignas(64) std::byte upper[kGroupValues / 4][kTileRowBytes];
    alignas(64) std::byte lower[kGroupValues / 4][kTileRowBytes];
  };
  // Upper products, lower ones, those in the middle.
  struct Totals {
    alignas(64) std::int32_t of[kGroupValues / Stored::kTotalValues][3][kTileFloats];
  };

  static constexpr TileShapes shapes(std::size_t tokens) {
    return token_tile_shapes(tokens, kValues);
  }

  template <class Simd, class From, class Scales>
  [[gnu::always_inline]] static void unpack(const From& rows, const Scales& scales,
                                            std::size_t part, Rows& to) {
    if constexpr (kOneByte) {
#pragma GCC unroll 2
      for (std::size_t q = 0; q < 2; ++q) {
        I32<Simd> v[4];
        rows.words(part, block_parts(kType).words_offset + 16 * q, v);
        for (std::size_t i = 0; i < 4; ++i) {
          store<Simd>(v[i], to.upper[part * kBlockValues / 4 + 4 * q + i]);
        }
      }
    } else {
      using OfType = RowCodes<kType>;
      OfType::template for_each_word<Simd>(
          rows, scales, part, [&](I32<Simd> codes, std::size_t value, std::size_t scale) {
            store_scaled<Simd>(codes, scales.small[scale], value / 4, to);
          });
    }
  }

  template <class Tiles>
  [[gnu::always_inline]] static void multiply(Tiles& tiles, const Rows& rows,
                                              const TokenGroup& tokens, std::size_t values,
                                              Totals& totals) {
    const std::size_t plane = kTileRowBytes * tokens.columns;
    for (std::size_t i = 0; i < values / Stored::kTotalValues; ++i) {
      tiles.template zero<0>();
      if constexpr (!kOneByte) {
        tiles.template zero<1>();
        tiles.template zero<2>();
      }
#pragma GCC unroll 2
      for (std::size_t k = i * Stored::kTotalValues; k < (i + 1) * Stored::kTotalValues;
           k += kValues) {
        const std::byte* x = tokens.codes + k / kIntegerBlock * 2 * plane + k % kIntegerBlock;
        tiles.template load<6>(rows.upper[k / 4], kTileRowBytes);
        tiles.template load<4>(x, kTileRowBytes);
        tiles.template dot_ss<0, 4, 6>();
        if constexpr (kOneByte) {
          tiles.template store<0>(totals.of[i][0], kTileRowBytes);
          tiles.template zero<0>();
          tiles.template load<4>(x + plane, kTileRowBytes);
          tiles.template dot_us<0, 4, 6>();
          tiles.template store<0>(totals.of[i][1], kTileRowBytes);
        } else {
          tiles.template load<7>(rows.lower[k / 4], kTileRowBytes);
          tiles.template load<5>(x + plane, kTileRowBytes);
          tiles.template dot_su<2, 4, 7>();
          tiles.template dot_us<2, 5, 6>();
          tiles.template dot_uu<1, 5, 7>();
        }
      }
      if constexpr (!kOneByte) {
        tiles.template store<0>(totals.of[i][0], kTileRowBytes);
        tiles.template store<1>(totals.of[i][1], kTileRowBytes);
        tiles.template store<2>(totals.of[i][2], kTileRowBytes);
      }
    }
  }

  template <class Simd>
  [[gnu::always_inline]] static F32<Simd> total(const Totals& totals, std::size_t index,
                                                std::size_t token) {
    const auto& of = totals.of[index];
    auto sum = Simd::load_i32(of[0] + kTileRows16 * token);
    if constexpr (!kOneByte) sum = Simd::join(sum, Simd::load_i32(of[2] + kTileRows16 * token));
    return Simd::to_f32(Simd::join(sum, Simd::load_i32(of[1] + kTileRows16 * token)));
  }

 private:
  template <class Simd>
  [[gnu::always_inline]] static void store(I32<Simd> v, std::byte* to) {
    Simd::store_i32(reinterpret_cast<std::int32_t*>(to), v);
  }

  // Four codes of each lane, less what they are too high by, times the lane's scale.
  template <class Simd>
  [[gnu::always_inline]] static void store_scaled(I32<Simd> codes, I32<Simd> scale, std::size_t row,
                                                  Rows& to) {
    constexpr std::int32_t kEven = 0x00FF00FF;
    constexpr auto kOdd = static_cast<std::int32_t>(0xFF00FF00);
    constexpr int kZero = RowCodes<kType>::kZero;
    const auto both = Simd::either(Simd::bits(scale, 0xFFFF), Simd::template left_i32<16>(scale));
    const auto even = Simd::template scale_i16<kZero>(Simd::bits(codes, kEven), both);
    const auto odd = Simd::template scale_i16<kZero>(Simd::template right_u16<8>(codes), both);
    store<Simd>(
        Simd::either(Simd::bits(Simd::template right_u32<8>(even), kEven), Simd::bits(odd, kOdd)),
        to.upper[row]);
    store<Simd>(
        Simd::either(Simd::bits(even, kEven), Simd::bits(Simd::template left_i32<8>(odd), kOdd)),
        to.lower[row]);
  }
};

}  // namespace bora::kernels::generic
