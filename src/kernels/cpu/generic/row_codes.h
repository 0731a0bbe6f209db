// How kLanes rows of a quantized type are multiplied as they lie in the file: a lane is a row.
//
// Sixteen bytes of each row at a time become four vectors whose lane r holds four bytes of row r,
// so that sums need not go across. Their codes are taken apart within 16 bits, the even bytes and
// the odd ones: the activations come in that order too (GroupInput). A nibble is left where it
// stands in its 16 bits, and the sum is shifted instead.
//
// RowCodes of a type has
//   kStepParts   parts of 32 values that share bytes, multiplied together
//   kZero        what codes are taken apart too high by; the sums begin with a correction for
//   kZeroValues  so many of them
//   Scales       what read() finds for a group of the rows
//   multiply     the sums of code * activation of the parts from `part` on, for each token, the
//                small scales multiplied in
#pragma once

#include "kernels/cpu/generic/weight_codes.h"

namespace bora::kernels::generic {

template <class Simd>
using I32 = typename Simd::I32;

// kLanes rows from a group on.
struct RowsAt {
  const std::byte* first;
  std::size_t stride;  // bytes from row to row
};

// What a group of the rows is multiplied with.
template <std::size_t kTokens>
struct GroupInput {
  // Of every four codes the first and the third, then the others.
  alignas(64) std::int16_t pairs[kTokens][kGroupValues];
  std::int32_t corrections[kTokens][2 * kGroupParts];  // -kZero * the sum of kZeroValues codes
  float sums[kTokens][kGroupParts];                    // of 32 codes
  float scale[kTokens];
};

// dot_i16() with the pair at `pair`; of a wrapper's own where the compiler takes two instructions.
template <class Simd>
[[gnu::always_inline]] inline I32<Simd> dot_pair(I32<Simd> sum, I32<Simd> v,
                                                 const std::int16_t* pair) {
  if constexpr (requires { Simd::dot_pair(sum, Simd::as_i16(v), pair); }) {
    return Simd::dot_pair(sum, Simd::as_i16(v), pair);
  } else {
    return Simd::dot_i16(sum, Simd::as_i16(v), Simd::set_pair(pair));
  }
}

// sums[t] += the two codes in each lane of v times those at x[t].
template <class Simd, std::size_t kTokens>
[[gnu::always_inline]] inline void add_products(I32<Simd> v, const GroupInput<kTokens>& x,
                                                std::size_t at, I32<Simd> (&sums)[kTokens]) {
#pragma GCC unroll 4
  for (std::size_t t = 0; t < kTokens; ++t) {
    sums[t] = dot_pair<Simd>(sums[t], v, x.pairs[t] + at);
  }
}

template <class Simd, std::size_t kTokens>
[[gnu::always_inline]] inline void clear_sums(I32<Simd> (&sums)[kTokens]) {
#pragma GCC unroll 4
  for (std::size_t t = 0; t < kTokens; ++t) sums[t] = Simd::clear_i32();
}

// sums = the corrections at `index`.
template <class Simd, std::size_t kTokens>
[[gnu::always_inline]] inline void begin_sums(const GroupInput<kTokens>& x, std::size_t index,
                                              I32<Simd> (&sums)[kTokens]) {
#pragma GCC unroll 4
  for (std::size_t t = 0; t < kTokens; ++t) sums[t] = Simd::set_bits(x.corrections[t][index]);
}

// sums += the bytes of v, which are values [k, k + 4) of the group.
template <class Simd, std::size_t kTokens>
[[gnu::always_inline]] inline void add_bytes(I32<Simd> v, const GroupInput<kTokens>& x,
                                             std::size_t k, I32<Simd> (&sums)[kTokens]) {
  add_products<Simd>(Simd::bits(v, 0x00FF00FF), x, k, sums);
  add_products<Simd>(Simd::template right_u16<8>(v), x, k + 2, sums);
}

// The sums of the low and of the high nibbles of up to 32 bytes, of which half are odd: 16 * 16383
// * 15 * 256 is less than 2^31.
template <class Simd, std::size_t kTokens>
struct NibbleSums {
  I32<Simd> even[kTokens];       // of low nibbles
  I32<Simd> odd[kTokens];        // times 256
  I32<Simd> high_even[kTokens];  // times 16
  I32<Simd> high_odd[kTokens];

  [[gnu::always_inline]] NibbleSums() {
    clear_sums<Simd>(even);
    clear_sums<Simd>(odd);
    clear_sums<Simd>(high_even);
    clear_sums<Simd>(high_odd);
  }
  // The low nibbles of v are values [k, k + 4) of the group, the high ones [high, high + 4). The
  // sum of the high odd ones is `even` where one of all is wanted, or `high_odd`.
  [[gnu::always_inline]] void add(I32<Simd> v, const GroupInput<kTokens>& x, std::size_t k,
                                  std::size_t high, I32<Simd> (&to)[kTokens]) {
    add_products<Simd>(Simd::bits(v, 0x000F000F), x, k, even);
    add_products<Simd>(Simd::bits(v, 0x0F000F00), x, k + 2, odd);
    add_products<Simd>(Simd::bits(v, 0x00F000F0), x, high, high_even);
    add_products<Simd>(Simd::template right_u16<12>(v), x, high + 2, to);
  }
  [[gnu::always_inline]] I32<Simd> low_of(std::size_t token) const {
    return Simd::add_i32(even[token], Simd::template right_i32<8>(odd[token]));
  }
  [[gnu::always_inline]] I32<Simd> high_even_of(std::size_t token) const {
    return Simd::template right_i32<4>(high_even[token]);
  }
  [[gnu::always_inline]] I32<Simd> high_of(std::size_t token) const {
    return Simd::add_i32(high_odd[token], high_even_of(token));
  }
};

template <DType kType>
struct RowCodes;

// Q8_0, q4_0 and q4_1: a block begins with an f16 or two.
template <DType kType, std::int32_t kTooHigh>
struct BlockRows {
  using Stored = CodeFormat<kType>;
  static constexpr std::size_t kStepParts = 1;
  static constexpr std::int32_t kZero = kTooHigh;
  static constexpr std::size_t kZeroValues = kBlockValues;
  static constexpr std::size_t kBlockBytes = Stored::kGroupBytes / kGroupParts;

  template <class Simd>
  struct Scales {
    std::int32_t heads[kGroupParts][Simd::kLanes];  // the first four bytes of each block

    [[gnu::always_inline]] void read(RowsAt rows, std::size_t values) {
      for (std::size_t p = 0; p < values / kBlockValues; ++p) {
        I32<Simd> v[4];
        Simd::load_quads(rows.first + p * kBlockBytes, rows.stride, v);
        Simd::store_i32(heads[p], v[0]);
      }
    }
    [[gnu::always_inline]] F32<Simd> scale_of(std::size_t part) const {
      return Simd::widen_half(Simd::load_i32(heads[part]));
    }
    [[gnu::always_inline]] F32<Simd> minimum_of(std::size_t part) const {
      return Simd::widen_half(Simd::template right_u32<16>(Simd::load_i32(heads[part])));
    }
  };
};

template <>
struct RowCodes<DType::kQ8_0> : BlockRows<DType::kQ8_0, 128> {
  template <class Simd, std::size_t kTokens>
  [[gnu::always_inline]] static void multiply(RowsAt rows, const Scales<Simd>& /*scales*/,
                                              std::size_t part, const GroupInput<kTokens>& x,
                                              I32<Simd> (&out)[kStepParts][kTokens]) {
    constexpr auto kSigns = static_cast<std::int32_t>(0x80808080);
    begin_sums<Simd>(x, part, out[0]);
#pragma GCC unroll 2
    for (std::size_t q = 0; q < 2; ++q) {
      I32<Simd> v[4];
      Simd::load_quads(rows.first + part * kBlockBytes + offsetof(BlockQ8_0, quants) + 16 * q,
                       rows.stride, v);
#pragma GCC unroll 4
      for (std::size_t i = 0; i < 4; ++i) {
        add_bytes<Simd>(Simd::flip(v[i], kSigns), x, part * kBlockValues + 16 * q + 4 * i, out[0]);
      }
    }
  }
};

// Both kinds of blocks of nibbles: the first sixteen values are the low ones.
template <DType kType, std::size_t kOffset, std::int32_t kTooHigh>
struct NibbleRows : BlockRows<kType, kTooHigh> {
  using BlockRows<kType, kTooHigh>::kStepParts;
  using BlockRows<kType, kTooHigh>::kBlockBytes;
  template <class Simd, std::size_t kTokens>
  [[gnu::always_inline]] static void multiply(
      RowsAt rows, const typename BlockRows<kType, kTooHigh>::template Scales<Simd>& /*scales*/,
      std::size_t part, const GroupInput<kTokens>& x, I32<Simd> (&out)[kStepParts][kTokens]) {
    NibbleSums<Simd, kTokens> sums;
    if constexpr (kTooHigh != 0) begin_sums<Simd>(x, part, sums.even);
    I32<Simd> v[4];
    Simd::load_quads(rows.first + part * kBlockBytes + kOffset, rows.stride, v);
#pragma GCC unroll 4
    for (std::size_t i = 0; i < 4; ++i) {
      const std::size_t k = part * kBlockValues + 4 * i;
      sums.add(v[i], x, k, k + 16, sums.even);
    }
#pragma GCC unroll 4
    for (std::size_t t = 0; t < kTokens; ++t) {
      out[0][t] = Simd::add_i32(sums.low_of(t), sums.high_even_of(t));
    }
  }
};

template <>
struct RowCodes<DType::kQ4_0> : NibbleRows<DType::kQ4_0, offsetof(BlockQ4_0, nibbles), 8> {};
template <>
struct RowCodes<DType::kQ4_1> : NibbleRows<DType::kQ4_1, offsetof(BlockQ4_1, nibbles), 0> {};

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

  template <class Simd>
  struct Scales {
    F32<Simd> scale;
    F32<Simd> minus;
    I32<Simd> small[kGroupParts];
    I32<Simd> small_minimum[kGroupParts];

    [[gnu::always_inline]] void read(RowsAt rows, std::size_t /*values*/) {
      I32<Simd> v[4];
      Simd::load_quads(rows.first, rows.stride, v);
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
};

template <>
struct RowCodes<DType::kQ4K> : AffineRows {
  template <class Simd, std::size_t kTokens>
  [[gnu::always_inline]] static void multiply(RowsAt rows, const Scales<Simd>& scales,
                                              std::size_t part, const GroupInput<kTokens>& x,
                                              I32<Simd> (&out)[kStepParts][kTokens]) {
    NibbleSums<Simd, kTokens> sums;
#pragma GCC unroll 2
    for (std::size_t q = 0; q < 2; ++q) {
      I32<Simd> v[4];
      Simd::load_quads(rows.first + offsetof(BlockQ4K, nibbles) + 16 * (part + q), rows.stride, v);
#pragma GCC unroll 4
      for (std::size_t i = 0; i < 4; ++i) {
        const std::size_t k = part * kBlockValues + 16 * q + 4 * i;
        sums.add(v[i], x, k, k + kBlockValues, sums.high_odd);
      }
    }
#pragma GCC unroll 4
    for (std::size_t t = 0; t < kTokens; ++t) {
      out[0][t] = Simd::mul_i32(sums.low_of(t), scales.small[part]);
      out[1][t] = Simd::mul_i32(sums.high_of(t), scales.small[part + 1]);
    }
  }
};

template <>
struct RowCodes<DType::kQ5K> : AffineRows {
  template <class Simd>
  struct Scales : AffineRows::Scales<Simd> {
    I32<Simd> high[2][8];  // the bits of parts 0 to 3 from bit 4 of each byte on, those of 4 to 7

    [[gnu::always_inline]] void read(RowsAt rows, std::size_t values) {
      AffineRows::Scales<Simd>::read(rows, values);
#pragma GCC unroll 2
      for (std::size_t q = 0; q < 2; ++q) {
        I32<Simd> v[4];
        Simd::load_quads(rows.first + offsetof(BlockQ5K, high_bits) + 16 * q, rows.stride, v);
#pragma GCC unroll 4
        for (std::size_t i = 0; i < 4; ++i) {
          high[0][4 * q + i] = Simd::template left_i32<4>(v[i]);
          high[1][4 * q + i] = v[i];
        }
      }
    }
  };

  template <class Simd, std::size_t kTokens>
  [[gnu::always_inline]] static void multiply(RowsAt rows, const Scales<Simd>& scales,
                                              std::size_t part, const GroupInput<kTokens>& x,
                                              I32<Simd> (&out)[kStepParts][kTokens]) {
    constexpr std::int32_t kLow = 0x0F0F0F0F;
    constexpr std::int32_t kFifth = 0x10101010;
    clear_sums<Simd>(out[0]);
    clear_sums<Simd>(out[1]);
#pragma GCC unroll 2
    for (std::size_t q = 0; q < 2; ++q) {
      I32<Simd> v[4];
      Simd::load_quads(rows.first + offsetof(BlockQ5K, nibbles) + 16 * (part + q), rows.stride, v);
#pragma GCC unroll 4
      for (std::size_t i = 0; i < 4; ++i) {
        const std::size_t k = part * kBlockValues + 16 * q + 4 * i;
        const auto fifth =
            Simd::right_by(scales.high[part / 4][4 * q + i], static_cast<std::int32_t>(part % 4));
        const auto low = Simd::either(Simd::bits(v[i], kLow), Simd::bits(fifth, kFifth));
        const auto high = Simd::either(Simd::bits(Simd::template right_u32<4>(v[i]), kLow),
                                       Simd::bits(Simd::template right_u32<1>(fifth), kFifth));
        add_bytes<Simd>(low, x, k, out[0]);
        add_bytes<Simd>(high, x, k + kBlockValues, out[1]);
      }
    }
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

  template <class Simd>
  struct Scales {
    I32<Simd> small[2 * kGroupParts];
    F32<Simd> scale;

    [[gnu::always_inline]] void read(RowsAt rows, std::size_t /*values*/) {
      static_assert(offsetof(BlockQ6K, scale) + sizeof(std::uint16_t) == sizeof(BlockQ6K));
      I32<Simd> last[4];  // bytes of the block
      Simd::load_quads(rows.first + sizeof(BlockQ6K) - 16, rows.stride, last);
      scale = Simd::widen_half(Simd::template right_u32<16>(last[3]));
      I32<Simd> v[4];
      Simd::load_quads(rows.first + offsetof(BlockQ6K, scales), rows.stride, v);
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

  // Sixteen bytes of high bits complete the nibbles of twice as many, of four parts.
  template <class Simd, std::size_t kTokens>
  [[gnu::always_inline]] static void multiply(RowsAt rows, const Scales<Simd>& scales,
                                              std::size_t part, const GroupInput<kTokens>& x,
                                              I32<Simd> (&out)[kStepParts][kTokens]) {
#pragma GCC unroll 2
    for (std::size_t q = 0; q < 2; ++q) {
      I32<Simd> upper[4];
      I32<Simd> nibbles[2][4];
      const std::size_t at = 16 * part + 16 * q;
      Simd::load_quads(rows.first + offsetof(BlockQ6K, high_bits) + 8 * part + 16 * q, rows.stride,
                       upper);
      Simd::load_quads(rows.first + offsetof(BlockQ6K, nibbles) + at, rows.stride, nibbles[0]);
      Simd::load_quads(rows.first + offsetof(BlockQ6K, nibbles) + at + 32, rows.stride, nibbles[1]);
      I32<Simd> sums[kStepParts][kTokens];
#pragma GCC unroll 4
      for (std::size_t p = 0; p < kStepParts; ++p) {
        begin_sums<Simd>(x, 2 * (part + p) + q, sums[p]);
      }
#pragma GCC unroll 4
      for (std::size_t i = 0; i < 4; ++i) {
        const std::size_t k = part * kBlockValues + 16 * q + 4 * i;
        I32<Simd> codes[kStepParts];
        put_together<Simd>(nibbles[0][i], nibbles[1][i], upper[i], codes);
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
  template <class Simd>
  [[gnu::always_inline]] static void put_together(I32<Simd> first, I32<Simd> second,
                                                  I32<Simd> upper, I32<Simd> (&codes)[kStepParts]) {
    constexpr std::int32_t kLow = 0x0F0F0F0F;
    constexpr std::int32_t kTwo = 0x30303030;
    codes[0] =
        Simd::either(Simd::bits(first, kLow), Simd::bits(Simd::template left_i32<4>(upper), kTwo));
    codes[1] =
        Simd::either(Simd::bits(second, kLow), Simd::bits(Simd::template left_i32<2>(upper), kTwo));
    codes[2] =
        Simd::either(Simd::bits(Simd::template right_u32<4>(first), kLow), Simd::bits(upper, kTwo));
    codes[3] = Simd::either(Simd::bits(Simd::template right_u32<4>(second), kLow),
                            Simd::bits(Simd::template right_u32<2>(upper), kTwo));
  }
};

}  // namespace bora::kernels::generic
