// AVX-512 instructions on one lane, in plain C++: rounding, order and special values of the
// instruction itself (Intel 64 manual, volume 2), whatever CPU runs this. For tests; slow.
//
// The payload of a NaN is not modelled, but for the conversions of 16-bit floats.
#pragma once

#include <cstdint>

namespace bora::kernels::emulated {
namespace {

inline std::uint32_t bits_of(float value) {
  std::uint32_t bits;
  __builtin_memcpy(&bits, &value, sizeof(bits));
  return bits;
}
inline float float_of(std::uint32_t bits) {
  float value;
  __builtin_memcpy(&value, &bits, sizeof(value));
  return value;
}
inline bool is_nan(std::uint32_t bits) { return (bits & 0x7FFFFFFFU) > 0x7F800000U; }

// The upper `value >> shift`, the rest rounded away to nearest, ties to even; 0 < shift < 32.
inline std::uint32_t shift_to_even(std::uint32_t value, unsigned shift) {
  const std::uint32_t kept = value >> shift;
  const std::uint32_t rest = value & ((1U << shift) - 1);
  const std::uint32_t half = 1U << (shift - 1);
  return kept + (rest > half || (rest == half && kept % 2 == 1) ? 1 : 0);
}

// VCVTPH2PS. A signalling NaN becomes quiet.
inline float widen_f16(std::uint16_t half) {
  const std::uint32_t sign = (half & 0x8000U) << 16;
  const std::uint32_t exponent = (half >> 10) & 31U;
  const std::uint32_t fraction = half & 0x3FFU;
  if (exponent == 31) {
    const std::uint32_t quiet = fraction != 0 ? 0x400000U : 0;
    return float_of(sign | 0x7F800000U | (fraction << 13) | quiet);
  }
  if (exponent == 0) {
    return float_of(sign | bits_of(static_cast<float>(fraction) * 0x1p-24F));
  }
  return float_of(sign | ((exponent + 112) << 23) | (fraction << 13));
}

// VCVTPS2PH, to nearest even.
inline std::uint16_t narrow_f16(float value) {
  const std::uint32_t bits = bits_of(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000U;
  const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  std::uint32_t half = 0;
  if (is_nan(bits)) {
    half = 0x7E00U | ((magnitude >> 13) & 0x3FFU);
  } else if (magnitude >= 0x47800000U) {  // 65536 and more
    half = 0x7C00U;
  } else if (magnitude >= 0x38800000U) {  // normal; what rounds up to 65536 becomes infinity
    half = shift_to_even(magnitude - (112U << 23), 13);
  } else if (magnitude >= 0x33000000U) {  // half of the smallest subnormal and more
    half = shift_to_even((magnitude & 0x7FFFFFU) | 0x800000U, 126 - (magnitude >> 23));
  }
  return static_cast<std::uint16_t>(half | sign);
}

inline float widen_bf16(std::uint16_t upper) {
  return float_of(static_cast<std::uint32_t>(upper) << 16);
}

// What the wrapper computes with integer instructions: to nearest even, NaN quiet.
inline std::uint16_t narrow_bf16(float value) {
  const std::uint32_t bits = bits_of(value);
  if (is_nan(bits)) return static_cast<std::uint16_t>((bits >> 16) | 0x0040U);
  return static_cast<std::uint16_t>(shift_to_even(bits, 16));
}

// VCVTPS2DQ: to nearest even; what no int32 holds becomes the smallest.
inline std::int32_t round_to_int(float value) {
  if (!(value >= -0x1p31F && value < 0x1p31F)) return INT32_MIN;
  return static_cast<std::int32_t>(__builtin_rintf(value));
}

// VPDPBUSD on the four bytes of a lane.
inline std::int32_t dot_u8_i8(std::int32_t sum, std::int32_t u8, std::int32_t i8) {
  auto total = static_cast<std::uint32_t>(sum);
  for (int shift = 0; shift < 32; shift += 8) {
    const auto a = static_cast<std::uint8_t>(static_cast<std::uint32_t>(u8) >> shift);
    const auto b = static_cast<std::int8_t>(static_cast<std::uint32_t>(i8) >> shift);
    total += static_cast<std::uint32_t>(a * b);
  }
  return static_cast<std::int32_t>(total);
}

// VPDPWSSD, given the two products of a lane: sums wrap round.
inline std::int32_t dot_i16(std::int32_t sum, std::int32_t first, std::int32_t second) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(sum) +
                                   static_cast<std::uint32_t>(first) +
                                   static_cast<std::uint32_t>(second));
}

}  // namespace
}  // namespace bora::kernels::emulated
