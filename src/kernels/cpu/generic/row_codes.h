// How kLanes rows of a quantized type are multiplied, as they lie (stored_rows.h): a lane is a row.
//
// Sixteen bytes of each row at a time are four vectors whose lane r holds four bytes of row r, so
// that sums need not go across. Their codes are taken apart within 16 bits, the even bytes and
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

#include "kernels/cpu/generic/stored_rows.h"

namespace bora::kernels::generic {

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

// The scales of a group's blocks, an f16 or two that a block begins with.
template <class Simd, class Rows>
struct BlockScales {
  std::int32_t heads[kGroupParts][Simd::kLanes];  // the first four bytes of each block

  [[gnu::always_inline]] void read(const Rows& rows, std::size_t values) {
    for (std::size_t p = 0; p < values / kBlockValues; ++p) {
      I32<Simd> v[4];
      rows.words(p, 0, v);
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

// Interleaved they need no reading before.
template <class Simd, DType kType>
struct BlockScales<Simd, InterleavedRows<Simd, kType>> {
  using Rows = InterleavedRows<Simd, kType>;
  const Rows* rows;

  [[gnu::always_inline]] void read(const Rows& from, std::size_t /*values*/) { rows = &from; }
  [[gnu::always_inline]] F32<Simd> scale_of(std::size_t part) const {
    if constexpr (Rows::kParts.head_bytes == sizeof(std::uint16_t)) {
      return Simd::widen_f16(rows->head(part));
    } else {
      return Simd::widen_half(both_of(part));
    }
  }
  [[gnu::always_inline]] F32<Simd> minimum_of(std::size_t part) const {
    return Simd::widen_half(Simd::template right_u32<16>(both_of(part)));
  }
  [[gnu::always_inline]] I32<Simd> both_of(std::size_t part) const {
    return Simd::load_i32(reinterpret_cast<const std::int32_t*>(rows->head(part)));
  }
};

// Q8_0, q4_0 and q4_1.
template <std::int32_t kTooHigh>
struct BlockRows {
  static constexpr std::size_t kStepParts = 1;
  static constexpr std::int32_t kZero = kTooHigh;
  static constexpr std::size_t kZeroValues = kBlockValues;

  template <class Simd, class Rows>
  using Scales = BlockScales<Simd, Rows>;
};

template <>
struct RowCodes<DType::kQ8_0> : BlockRows<128> {
  template <class Simd, class Rows, std::size_t kTokens>
  [[gnu::always_inline]] static void multiply(const Rows& rows,
                                              const Scales<Simd, Rows>& /*scales*/,
                                              std::size_t part, const GroupInput<kTokens>& x,
                                              I32<Simd> (&out)[kStepParts][kTokens]) {
    constexpr auto kSigns = static_cast<std::int32_t>(0x80808080);
    begin_sums<Simd>(x, part, out[0]);
#pragma GCC unroll 2
    for (std::size_t q = 0; q < 2; ++q) {
      I32<Simd> v[4];
      rows.words(part, offsetof(BlockQ8_0, quants) + 16 * q, v);
#pragma GCC unroll 4
      for (std::size_t i = 0; i < 4; ++i) {
        add_bytes<Simd>(Simd::flip(v[i], kSigns), x, part * kBlockValues + 16 * q + 4 * i, out[0]);
      }
    }
  }
};

// Both kinds of blocks of nibbles: the first sixteen values are the low ones.
template <std::size_t kOffset, std::int32_t kTooHigh>
struct NibbleRows : BlockRows<kTooHigh> {
  using BlockRows<kTooHigh>::kStepParts;
  template <class Simd, class Rows, std::size_t kTokens>
  [[gnu::always_inline]] static void multiply(const Rows& rows,
                                              const BlockScales<Simd, Rows>& /*scales*/,
                                              std::size_t part, const GroupInput<kTokens>& x,
                                              I32<Simd> (&out)[kStepParts][kTokens]) {
    NibbleSums<Simd, kTokens> sums;
    if constexpr (kTooHigh != 0) begin_sums<Simd>(x, part, sums.even);
    I32<Simd> v[4];
    rows.words(part, kOffset, v);
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
struct RowCodes<DType::kQ4_0> : NibbleRows<offsetof(BlockQ4_0, nibbles), 8> {};
template <>
struct RowCodes<DType::kQ4_1> : NibbleRows<offsetof(BlockQ4_1, nibbles), 0> {};

}  // namespace bora::kernels::generic
