// The AVX-512 BF16 instructions on one lane, in plain C++ (Intel 64 manual, volume 2). Both take
// subnormals for zero and round to nearest even, whatever MXCSR says. For tests; slow.
//
// The manual leaves open when a sum counts as too small: it does where, rounded to 24 bits with an
// exponent of any size, it lies below 2^-126, as elsewhere on x86. So Zen 4 has it.
#pragma once

#include "kernels/cpu/emulated/instructions.h"

namespace bora::kernels::emulated {
namespace {

// A subnormal becomes zero and keeps its sign.
inline float flush(float value) {
  const std::uint32_t bits = bits_of(value);
  return (bits & 0x7F800000U) == 0 ? float_of(bits & 0x80000000U) : value;
}

// Whether |a * b + c| lies below 2^-126 before it is rounded to 24 bits and after. The product is
// exact in double, and `lost` is what their sum drops (https://doi.org/10.1137/030601818, TwoSum).
inline bool is_tiny(float a, float b, float c) {
  const double product = static_cast<double>(a) * static_cast<double>(b);
  const auto addend = static_cast<double>(c);
  const double sum = product + addend;
  const double taken = sum - product;
  const double lost = (product - (sum - taken)) + (addend - taken);
  constexpr double kTie = 0x1p-126 - 0x1p-151;  // rounds to 2^-126, its even neighbour
  if (sum < 0.0) return sum > -kTie || (sum == -kTie && lost > 0.0);
  return sum < kTie || (sum == kTie && lost < 0.0);
}

inline float fma_flushed(float a, float b, float c) {
  a = flush(a);
  b = flush(b);
  c = flush(c);
  const float sum = __builtin_fmaf(a, b, c);
  const bool smallest = (bits_of(sum) & 0x7FFFFFFFU) == 0x00800000U;
  if (smallest && is_tiny(a, b, c)) return float_of(bits_of(sum) & 0x80000000U);
  return flush(sum);
}

// VDPBF16PS: the products of a lane's upper values first, then of its lower.
inline float dot_bf16(float sum, std::uint32_t a, std::uint32_t b) {
  sum = fma_flushed(float_of(a & 0xFFFF0000U), float_of(b & 0xFFFF0000U), sum);
  return fma_flushed(float_of(a << 16), float_of(b << 16), sum);
}

// VCVTNE2PS2BF16, VCVTNEPS2BF16.
inline std::uint16_t round_bf16(float value) { return narrow_bf16(flush(value)); }

}  // namespace
}  // namespace bora::kernels::emulated
