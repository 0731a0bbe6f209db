// RowCodes (row_codes.h) of the types of super-blocks: 256 values with scales of their own.
#pragma once

#include "kernels/cpu/generic/row_codes.h"

namespace bora::kernels::generic {

// The four bytes of each lane, as numbers.
template <class Simd>
[[gnu::always_inline]] inline void split_bytes(I32<Simd> v, I32<Simd>* out) {
  out[0] = Simd::bits(v, 255);
  out[1] = Simd::bits(Simd::template right_u32<8>(v), 255);
  out[2] = Simd::bits(Simd::template right_u32<16>(v), 255);
  out[3] = Simd::template right_u32<24>(v);
}

// Q4_k and q5_k begin with two f16 and twelve bytes of scales and minima.
struct AffineRows {
  static constexpr std::size_t kStepParts = 2;
  static constexpr std::int32_t kZero = 0;
  static constexpr std::size_t kZeroValues = kBlockValues;

  template <class Simd, class Rows>
  struct Scales {
    F32<Simd> scale;
    F32<Simd> minus;
    I32<Simd> small[kGroupParts];
    I32<Simd> small_minimum[kGroupParts];

    [[gnu::always_inline]] void read(const Rows& rows, std::size_t /*values*/) {
      I32<Simd> v[4];
      rows.words(0, 0, v);
      scale = Simd::widen_half(v[0]);
      minus = Simd::sub(Simd::zero(), Simd::widen_half(Simd::template right_u32<16>(v[0])));
      constexpr std::int32_t kSix = 0x3F3F3F3F;
      constexpr std::int32_t kFour = 0x0F0F0F0F;
      constexpr std::int32_t kUpperTwo = 0x30303030;
      split_bytes<Simd>(Simd::bits(v[1], kSix), small);
      split_bytes<Simd>(Simd::either(Simd::bits(v[3], kFour),
                                     Simd::bits(Simd::template right_u32<2>(v[1]), kUpperTwo)),
                        small + 4);
      split_bytes<Simd>(Simd::bits(v[2], kSix), small_minimum);
      split_bytes<Simd>(Simd::either(Simd::bits(Simd::template right_u32<4>(v[3]), kFour),
                                     Simd::bits(Simd::template right_u32<2>(v[2]), kUpperTwo)),
                        small_minimum + 4);
    }
    [[gnu::always_inline]] F32<Simd> scale_of(std::size_t /*part*/) const { return scale; }
    // The product is exact.
    [[gnu::always_inline]] F32<Simd> minimum_of(std::size_t part) const {
      return Simd::mul(minus, Simd::to_f32(small_minimum[part]));
    }
  };

  // Calls visit(v, k, index) for each four bytes of nibbles, from `at` in the block on, of the
  // parts `part` and the next: the low ones are the values from k on, the high ones a part further.
  template <class Simd, class Rows, class Visit>
  [[gnu::always_inline]] static void for_each_nibbles(const Rows& rows, std::size_t at,
                                                      std::size_t part, const Visit& visit) {
#pragma GCC unroll 2
    for (std::size_t q = 0; q < 2; ++q) {
      I32<Simd> v[4];
      rows.words(0, at + 16 * (part + q), v);
#pragma GCC unroll 4
      for (std::size_t i = 0; i < 4; ++i) {
        visit(v[i], part * kBlockValues + 16 * q + 4 * i, 4 * q + i);
      }
    }
  }
};

// Beside what row_codes.h says, RowCodes of these types have
//   for_each_word(rows, scales, part, visit)
//                of the parts from `part` on, calls visit(codes, value, small): four codes of each
//                row, in bytes, too high by kZero; which value of the group the first is; the index
//                of its small scale

template <>
struct RowCodes<DType::kQ4K> : AffineRows {
  template <class Simd, class Rows, class Visit>
  [[gnu::always_inline]] static void for_each_word(const Rows& rows,
                                                   const Scales<Simd, Rows>& /*scales*/,
                                                   std::size_t part, const Visit& visit) {
    constexpr std::int32_t kLow = 0x0F0F0F0F;
    for_each_nibbles<Simd>(
        rows, offsetof(BlockQ4K, nibbles), part,
        [&](I32<Simd> v, std::size_t k, std::size_t /*index*/) __attribute__((always_inline)) {
          visit(Simd::bits(v, kLow), k, part);
          visit(Simd::bits(Simd::template right_u32<4>(v), kLow), k + kBlockValues, part + 1);
        });
  }

  template <class Simd, class Rows, std::size_t kTokens>
  [[gnu::always_inline]] static void multiply(const Rows& rows, const Scales<Simd, Rows>& scales,
                                              std::size_t part, const GroupInput<kTokens>& x,
                                              I32<Simd> (&out)[kStepParts][kTokens]) {
    NibbleSums<Simd, kTokens> sums;
    for_each_nibbles<Simd>(
        rows, offsetof(BlockQ4K, nibbles), part,
        [&](I32<Simd> v, std::size_t k, std::size_t /*index*/)
            __attribute__((always_inline)) { sums.add(v, x, k, k + kBlockValues, sums.high_odd); });
#pragma GCC unroll 4
    for (std::size_t t = 0; t < kTokens; ++t) {
      out[0][t] = Simd::mul_i32(sums.low_of(t), scales.small[part]);
      out[1][t] = Simd::mul_i32(sums.high_of(t), scales.small[part + 1]);
    }
  }
};

template <>
struct RowCodes<DType::kQ5K> : AffineRows {
  template <class Simd, class Rows>
  struct Scales : AffineRows::Scales<Simd, Rows> {
    I32<Simd> high[2][8];  // the bits of parts 0 to 3 from bit 4 of each byte on, those of 4 to 7

    [[gnu::always_inline]] void read(const Rows& rows, std::size_t values) {
      AffineRows::Scales<Simd, Rows>::read(rows, values);
#pragma GCC unroll 2
      for (std::size_t q = 0; q < 2; ++q) {
        I32<Simd> v[4];
        rows.words(0, offsetof(BlockQ5K, high_bits) + 16 * q, v);
#pragma GCC unroll 4
        for (std::size_t i = 0; i < 4; ++i) {
          high[0][4 * q + i] = Simd::template left_i32<4>(v[i]);
          high[1][4 * q + i] = v[i];
        }
      }
    }
  };

  template <class Simd, class Rows, class Visit>
  [[gnu::always_inline]] static void for_each_word(const Rows& rows,
                                                   const Scales<Simd, Rows>& scales,
                                                   std::size_t part, const Visit& visit) {
    constexpr std::int32_t kLow = 0x0F0F0F0F;
    constexpr std::int32_t kFifth = 0x10101010;
    for_each_nibbles<Simd>(
        rows, offsetof(BlockQ5K, nibbles),
        part, [&](I32<Simd> v, std::size_t k, std::size_t index) __attribute__((always_inline)) {
          const auto fifth =
              Simd::right_by(scales.high[part / 4][index], static_cast<std::int32_t>(part % 4));
          visit(Simd::either(Simd::bits(v, kLow), Simd::bits(fifth, kFifth)), k, part);
          visit(Simd::either(Simd::bits(Simd::template right_u32<4>(v), kLow),
                             Simd::bits(Simd::template right_u32<1>(fifth), kFifth)),
                k + kBlockValues, part + 1);
        });
  }

  template <class Simd, class Rows, std::size_t kTokens>
  [[gnu::always_inline]] static void multiply(const Rows& rows, const Scales<Simd, Rows>& scales,
                                              std::size_t part, const GroupInput<kTokens>& x,
                                              I32<Simd> (&out)[kStepParts][kTokens]) {
    clear_sums<Simd>(out[0]);
    clear_sums<Simd>(out[1]);
    for_each_word<Simd>(
        rows, scales, part,
        [&](I32<Simd> codes, std::size_t k, std::size_t small)
            __attribute__((always_inline)) { add_bytes<Simd>(codes, x, k, out[small - part]); });
#pragma GCC unroll 4
    for (std::size_t t = 0; t < kTokens; ++t) {
      out[0][t] = Simd::mul_i32(out[0][t], scales.small[part]);
      out[1][t] = Simd::mul_i32(out[1][t], scales.small[part + 1]);
    }
  }
};

template <>
struct RowCodes<DType::kQ6K> {
  static constexpr std::size_t kStepParts = 4;
  static constexpr std::int32_t kZero = 32;
  static constexpr std::size_t kZeroValues = 16;

  template <class Simd, class Rows>
  struct Scales {
    I32<Simd> small[2 * kGroupParts];
    F32<Simd> scale;

    [[gnu::always_inline]] void read(const Rows& rows, std::size_t /*values*/) {
      I32<Simd> v[4];
      if constexpr (Rows::kInterleaved) {
        scale = Simd::widen_f16(rows.head(0));
      } else {
        static_assert(offsetof(BlockQ6K, scale) + sizeof(std::uint16_t) == sizeof(BlockQ6K));
        rows.words(0, sizeof(BlockQ6K) - 16, v);
        scale = Simd::widen_half(Simd::template right_u32<16>(v[3]));
      }
      rows.words(0, offsetof(BlockQ6K, scales), v);
#pragma GCC unroll 4
      for (std::size_t i = 0; i < 4; ++i) {
        small[4 * i] = Simd::template right_i32<24>(Simd::template left_i32<24>(v[i]));
        small[4 * i + 1] = Simd::template right_i32<24>(Simd::template left_i32<16>(v[i]));
        small[4 * i + 2] = Simd::template right_i32<24>(Simd::template left_i32<8>(v[i]));
        small[4 * i + 3] = Simd::template right_i32<24>(v[i]);
      }
    }
    [[gnu::always_inline]] F32<Simd> scale_of(std::size_t /*part*/) const { return scale; }
  };

  template <class Simd, class Rows, class Visit>
  [[gnu::always_inline]] static void for_each_word(const Rows& rows,
                                                   const Scales<Simd, Rows>& /*scales*/,
                                                   std::size_t part, const Visit& visit) {
#pragma GCC unroll 2
    for (std::size_t q = 0; q < 2; ++q) {
      SixteenOfEach<Simd> bytes(rows, part, q);
#pragma GCC unroll 4
      for (std::size_t i = 0; i < 4; ++i) {
        const std::size_t k = part * kBlockValues + 16 * q + 4 * i;
        I32<Simd> codes[kStepParts];
        bytes.put_together(i, codes);
#pragma GCC unroll 4
        for (std::size_t p = 0; p < kStepParts; ++p) {
          visit(codes[p], k + p * kBlockValues, 2 * (part + p) + q);
        }
      }
    }
  }

  template <class Simd, class Rows, std::size_t kTokens>
  [[gnu::always_inline]] static void multiply(const Rows& rows, const Scales<Simd, Rows>& scales,
                                              std::size_t part, const GroupInput<kTokens>& x,
                                              I32<Simd> (&out)[kStepParts][kTokens]) {
#pragma GCC unroll 2
    for (std::size_t q = 0; q < 2; ++q) {
      const SixteenOfEach<Simd> bytes(rows, part, q);
      I32<Simd> sums[kStepParts][kTokens];
#pragma GCC unroll 4
      for (std::size_t p = 0; p < kStepParts; ++p) {
        begin_sums<Simd>(x, 2 * (part + p) + q, sums[p]);
      }
#pragma GCC unroll 4
      for (std::size_t i = 0; i < 4; ++i) {
        const std::size_t k = part * kBlockValues + 16 * q + 4 * i;
        I32<Simd> codes[kStepParts];
        bytes.put_together(i, codes);
#pragma GCC unroll 4
        for (std::size_t p = 0; p < kStepParts; ++p) {
          add_bytes<Simd>(codes[p], x, k + p * kBlockValues, sums[p]);
        }
      }
#pragma GCC unroll 4
      for (std::size_t p = 0; p < kStepParts; ++p) {
#pragma GCC unroll 4
        for (std::size_t t = 0; t < kTokens; ++t) {
          const auto scaled = Simd::mul_i32(sums[p][t], scales.small[2 * (part + p) + q]);
          out[p][t] = q == 0 ? scaled : Simd::add_i32(out[p][t], scaled);
        }
      }
    }
  }

 private:
  // Sixteen bytes of high bits, and the nibbles of twice as many, of four parts, that they
  // complete.
  template <class Simd>
  struct SixteenOfEach {
    I32<Simd> upper[4];
    I32<Simd> nibbles[2][4];

    template <class Rows>
    [[gnu::always_inline]] SixteenOfEach(const Rows& rows, std::size_t part, std::size_t q) {
      const std::size_t at = 16 * part + 16 * q;
      rows.words(0, offsetof(BlockQ6K, high_bits) + 8 * part + 16 * q, upper);
      rows.words(0, offsetof(BlockQ6K, nibbles) + at, nibbles[0]);
      rows.words(0, offsetof(BlockQ6K, nibbles) + at + 32, nibbles[1]);
    }
    [[gnu::always_inline]] void put_together(std::size_t i, I32<Simd> (&codes)[kStepParts]) const {
      constexpr std::int32_t kLow = 0x0F0F0F0F;
      constexpr std::int32_t kTwo = 0x30303030;
      const auto first = nibbles[0][i];
      const auto second = nibbles[1][i];
      codes[0] = Simd::either(Simd::bits(first, kLow),
                              Simd::bits(Simd::template left_i32<4>(upper[i]), kTwo));
      codes[1] = Simd::either(Simd::bits(second, kLow),
                              Simd::bits(Simd::template left_i32<2>(upper[i]), kTwo));
      codes[2] = Simd::either(Simd::bits(Simd::template right_u32<4>(first), kLow),
                              Simd::bits(upper[i], kTwo));
      codes[3] = Simd::either(Simd::bits(Simd::template right_u32<4>(second), kLow),
                              Simd::bits(Simd::template right_u32<2>(upper[i]), kTwo));
    }
  };
};

}  // namespace bora::kernels::generic
