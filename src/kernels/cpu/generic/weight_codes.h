// How the quantized types become integers: the codes of 32 values at a time, int16, and what their
// sums are to be multiplied with.
//
// CodeFormat of a type has
//   kType
//   kTotalValues   values whose products with activations of 15 bits add up in an int32
//   kScales        scales of a group: one for each total, or one for all
//   kGroupBytes    of a whole group of 256 values
//   kHasMinimum    value = scale * code + minimum
//   read_scales    of `values` values of a row, from a block's beginning
//   read_codes     the codes of the part of 32 values at `part`, the small scales multiplied in
//
// Small scales are integers: with q4_k's 6 bits times 4 of a code, 128 products of 15 bits fit an
// int32 (63 * 15 * 16383 * 128 < 2^31), with q5_k's 64, with q6_k's (128 * 32) 32.
#pragma once

#include "kernels/activations.h"
#include "kernels/cpu/generic/weights.h"

namespace bora::kernels::generic {

inline constexpr std::size_t kGroupParts = kGroupValues / kBlockValues;

// Of the next group, where `left` values are left.
constexpr std::size_t group_values(std::size_t left) {
  return left < kGroupValues ? left : kGroupValues;
}

// Of a group of kLanes rows: what is multiplied as f32 has a vector of rows for each value.
template <class Simd>
struct GroupScales {
  std::uint16_t scale[kGroupParts][Simd::kLanes];         // f16
  std::uint16_t minimum[kGroupParts][Simd::kLanes];       // f16
  std::int32_t small_minimum[kGroupParts][Simd::kLanes];  // integers that multiply `minimum`
  std::int32_t small[Simd::kLanes][2 * kGroupParts];      // one for 16 codes, twice an int16

  [[gnu::always_inline]] F32<Simd> scale_at(std::size_t index) const {
    return Simd::widen_f16(reinterpret_cast<const std::byte*>(scale[index]));
  }
  [[gnu::always_inline]] F32<Simd> minimum_at(std::size_t index) const {
    return Simd::widen_f16(reinterpret_cast<const std::byte*>(minimum[index]));
  }
};

[[gnu::always_inline]] inline std::int32_t twice(int code) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(code & 0xFFFF) * 0x10001U);
}

template <class Simd>
using CodeVectors = typename Simd::I16[kBlockValues / (2 * Simd::kLanes)];

template <DType kType>
struct CodeFormat;

// A scale for each block of 32.
template <class Block>
struct BlockCodes {
  static constexpr std::size_t kGroupBytes = kGroupParts * sizeof(Block);
  static constexpr std::size_t kTotalValues = kBlockValues;
  static constexpr std::size_t kScales = kGroupParts;
  static constexpr bool kHasMinimum = false;

  template <class Simd>
  [[gnu::always_inline]] static void read_scales(const std::byte* from, std::size_t values,
                                                 std::size_t lane, GroupScales<Simd>& to) {
    for (std::size_t p = 0; p < values / kBlockValues; ++p) {
      __builtin_memcpy(&to.scale[p][lane], from + p * sizeof(Block), sizeof(std::uint16_t));
    }
  }
};

template <>
struct CodeFormat<DType::kQ8_0> : BlockCodes<BlockQ8_0> {
  static constexpr DType kType = DType::kQ8_0;
  template <class Simd>
  [[gnu::always_inline]] static void read_codes(const std::byte* from, std::size_t part,
                                                const std::int32_t* /*small*/,
                                                CodeVectors<Simd>& out) {
    const std::byte* block = from + part * sizeof(BlockQ8_0);
    Simd::widen_codes(Simd::load_bytes(block + offsetof(BlockQ8_0, quants)), out);
  }
};

template <>
struct CodeFormat<DType::kQ4_0> : BlockCodes<BlockQ4_0> {
  static constexpr DType kType = DType::kQ4_0;
  template <class Simd>
  [[gnu::always_inline]] static void read_codes(const std::byte* from, std::size_t part,
                                                const std::int32_t* /*small*/,
                                                CodeVectors<Simd>& out) {
    const std::byte* block = from + part * sizeof(BlockQ4_0);
    const auto codes = Simd::load_nibbles(block + offsetof(BlockQ4_0, nibbles));
    Simd::widen_codes(Simd::subtract(codes, 8), out);
  }
};

template <>
struct CodeFormat<DType::kQ4_1> : BlockCodes<BlockQ4_1> {
  static constexpr DType kType = DType::kQ4_1;
  static constexpr bool kHasMinimum = true;
  template <class Simd>
  [[gnu::always_inline]] static void read_scales(const std::byte* from, std::size_t values,
                                                 std::size_t lane, GroupScales<Simd>& to) {
    BlockCodes::read_scales<Simd>(from, values, lane, to);
    for (std::size_t p = 0; p < values / kBlockValues; ++p) {
      const std::byte* block = from + p * sizeof(BlockQ4_1);
      __builtin_memcpy(&to.minimum[p][lane], block + offsetof(BlockQ4_1, minimum),
                       sizeof(std::uint16_t));
    }
  }
  template <class Simd>
  [[gnu::always_inline]] static void read_codes(const std::byte* from, std::size_t part,
                                                const std::int32_t* /*small*/,
                                                CodeVectors<Simd>& out) {
    const std::byte* block = from + part * sizeof(BlockQ4_1);
    Simd::widen_codes(Simd::load_nibbles(block + offsetof(BlockQ4_1, nibbles)), out);
  }
  template <class Simd>
  [[gnu::always_inline]] static F32<Simd> minimum(const GroupScales<Simd>& from, std::size_t part) {
    return from.minimum_at(part);
  }
};

// Q4_k and q5_k: eight scales and eight minima of 6 bits in twelve bytes, unpacked four at a time.
struct AffineCodes {
  static constexpr std::size_t kScales = 1;
  static constexpr bool kHasMinimum = true;

  template <class Simd>
  [[gnu::always_inline]] static void read_scales(const std::byte* block, std::size_t /*values*/,
                                                 std::size_t lane, GroupScales<Simd>& to) {
    __builtin_memcpy(&to.scale[0][lane], block, sizeof(std::uint16_t));
    __builtin_memcpy(&to.minimum[0][lane], block + 2, sizeof(std::uint16_t));
    std::uint32_t b[3];
    __builtin_memcpy(b, block + 4, sizeof(b));
    constexpr std::uint32_t kSix = 0x3F3F3F3F;
    constexpr std::uint32_t kFour = 0x0F0F0F0F;
    constexpr std::uint32_t kTwo = 0x03030303;
    const std::uint32_t packed[4] = {b[0] & kSix, (b[2] & kFour) | (b[0] >> 6 & kTwo) << 4,
                                     b[1] & kSix, (b[2] >> 4 & kFour) | (b[1] >> 6 & kTwo) << 4};
    unsigned char bytes[16];
    __builtin_memcpy(bytes, packed, sizeof(bytes));
    for (std::size_t p = 0; p < kGroupParts; ++p) {
      to.small[lane][2 * p] = twice(bytes[p]);
      to.small_minimum[p][lane] = bytes[kGroupParts + p];
    }
  }
  // The product is exact.
  template <class Simd>
  [[gnu::always_inline]] static F32<Simd> minimum(const GroupScales<Simd>& from, std::size_t part) {
    const auto minus = Simd::sub(Simd::zero(), from.minimum_at(0));
    return Simd::mul(minus, Simd::to_f32(Simd::load_i32(from.small_minimum[part])));
  }
};

template <>
struct CodeFormat<DType::kQ4K> : AffineCodes {
  static constexpr DType kType = DType::kQ4K;
  static constexpr std::size_t kGroupBytes = sizeof(BlockQ4K);
  static constexpr std::size_t kTotalValues = 128;
  template <class Simd>
  [[gnu::always_inline]] static void read_codes(const std::byte* block, std::size_t part,
                                                const std::int32_t* small, CodeVectors<Simd>& out) {
    const std::byte* nibbles = block + offsetof(BlockQ4K, nibbles) + part / 2 * 32;
    Simd::widen_codes(Simd::part_of(Simd::load_bytes(nibbles), static_cast<int>(part % 2 * 4), 15),
                      out);
    Simd::scale_codes(out, small[2 * part], small[2 * part]);
  }
};

template <>
struct CodeFormat<DType::kQ5K> : AffineCodes {
  static constexpr DType kType = DType::kQ5K;
  static constexpr std::size_t kGroupBytes = sizeof(BlockQ5K);
  static constexpr std::size_t kTotalValues = 64;
  template <class Simd>
  [[gnu::always_inline]] static void read_codes(const std::byte* block, std::size_t part,
                                                const std::int32_t* small, CodeVectors<Simd>& out) {
    const auto nibbles = Simd::load_bytes(block + offsetof(BlockQ5K, nibbles) + part / 2 * 32);
    const auto high = Simd::load_bytes(block + offsetof(BlockQ5K, high_bits));
    Simd::widen_codes(Simd::add_high(Simd::part_of(nibbles, static_cast<int>(part % 2 * 4), 15),
                                     Simd::part_of(high, static_cast<int>(part), 1)),
                      out);
    Simd::scale_codes(out, small[2 * part], small[2 * part]);
  }
};

template <>
struct CodeFormat<DType::kQ6K> {
  static constexpr DType kType = DType::kQ6K;
  static constexpr std::size_t kGroupBytes = sizeof(BlockQ6K);
  static constexpr std::size_t kTotalValues = kBlockValues;
  static constexpr std::size_t kScales = 1;
  static constexpr bool kHasMinimum = false;

  template <class Simd>
  [[gnu::always_inline]] static void read_scales(const std::byte* block, std::size_t /*values*/,
                                                 std::size_t lane, GroupScales<Simd>& to) {
    __builtin_memcpy(&to.scale[0][lane], block + offsetof(BlockQ6K, scale), sizeof(std::uint16_t));
    signed char small[2 * kGroupParts];
    __builtin_memcpy(small, block + offsetof(BlockQ6K, scales), sizeof(small));
    for (std::size_t i = 0; i < 2 * kGroupParts; ++i) to.small[lane][i] = twice(small[i]);
  }
  template <class Simd>
  [[gnu::always_inline]] static void read_codes(const std::byte* block, std::size_t part,
                                                const std::int32_t* small, CodeVectors<Simd>& out) {
    const std::size_t half = part / 4;
    const std::size_t j = part % 4;
    const std::byte* nibbles = block + offsetof(BlockQ6K, nibbles) + 64 * half + 32 * (j % 2);
    const std::byte* high = block + offsetof(BlockQ6K, high_bits) + 32 * half;
    const auto low = Simd::part_of(Simd::load_bytes(nibbles), static_cast<int>(j / 2 * 4), 15);
    const auto upper = Simd::part_of(Simd::load_bytes(high), static_cast<int>(2 * j), 3);
    Simd::widen_codes(Simd::subtract(Simd::add_high(low, upper), 32), out);
    Simd::scale_codes(out, small[2 * part], small[2 * part + 1]);
  }
};

}  // namespace bora::kernels::generic
