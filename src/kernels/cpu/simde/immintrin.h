// Stands in for the compiler's <immintrin.h> where tests compile avx512/simd.h for any CPU: SIMDe
// (https://github.com/simd-everywhere/simde) gives the intrinsics in plain C, so that the wrapper's
// own sequence of them runs on machines without AVX-512.
//
// What SIMDe 0.7.4 lacks, or rounds in another way than the instruction does (fused multiply-adds
// and bf16 products in two roundings), is computed lane by lane with emulated/instructions.h.
#pragma once

#define SIMDE_NO_NATIVE
#define SIMDE_ENABLE_NATIVE_ALIASES
#include "kernels/cpu/emulated/instructions.h"

#include <cstddef>
#include <simde/x86/avx2.h>
#include <simde/x86/avx512.h>

namespace bora::kernels::simde {
namespace {

template <class T, std::size_t kCount>
struct Lanes {
  T at[kCount];
};

// The lanes of a register, and back.
template <class T, std::size_t kCount, class Register>
inline Lanes<T, kCount> lanes_of(const Register& from) {
  static_assert(sizeof(Lanes<T, kCount>) == sizeof(Register));
  Lanes<T, kCount> lanes{};
  __builtin_memcpy(&lanes, &from, sizeof(lanes));
  return lanes;
}
template <class Register, class T, std::size_t kCount>
inline Register register_of(const Lanes<T, kCount>& lanes) {
  static_assert(sizeof(Lanes<T, kCount>) == sizeof(Register));
  Register to;
  __builtin_memcpy(&to, &lanes, sizeof(to));
  return to;
}

// Sixteen lanes of From, each turned into a To.
template <class To, class From, class ToRegister, class FromRegister, class Turn>
inline ToRegister turned(const FromRegister& from, const Turn& turn) {
  const auto lanes = lanes_of<From, 16>(from);
  Lanes<To, 16> to{};
  // NOLINTNEXTLINE(bugprone-signed-char-misuse): an int8 here is a number with a sign.
  for (std::size_t i = 0; i < 16; ++i) to.at[i] = static_cast<To>(turn(lanes.at[i]));
  return register_of<ToRegister>(to);
}

inline simde__m512 fmadd_ps(const simde__m512& a, const simde__m512& b, const simde__m512& c) {
  const auto x = lanes_of<float, 16>(a);
  const auto y = lanes_of<float, 16>(b);
  auto sum = lanes_of<float, 16>(c);
  for (std::size_t i = 0; i < 16; ++i) sum.at[i] = __builtin_fmaf(x.at[i], y.at[i], sum.at[i]);
  return register_of<simde__m512>(sum);
}

template <int kChosen>
inline simde__m512 shuffle_f32x4(const simde__m512& a, const simde__m512& b) {
  const auto x = lanes_of<float, 16>(a);
  const auto y = lanes_of<float, 16>(b);
  Lanes<float, 16> to{};
  for (std::size_t i = 0; i < 16; ++i) {
    const std::size_t quad = (kChosen >> (i / 4 * 2)) & 3;
    to.at[i] = (i < 8 ? x : y).at[4 * quad + i % 4];
  }
  return register_of<simde__m512>(to);
}

template <int kHalf>
inline simde__m256 extractf32x8_ps(const simde__m512& from) {
  const auto lanes = lanes_of<float, 16>(from);
  Lanes<float, 8> to{};
  for (std::size_t i = 0; i < 8; ++i) to.at[i] = lanes.at[8 * kHalf + i];
  return register_of<simde__m256>(to);
}

inline simde__m512i cvtepi8_epi32(const simde__m128i& v) {
  return turned<std::int32_t, std::int8_t, simde__m512i>(v, [](std::int8_t x) { return x; });
}
inline simde__m512i cvtepu8_epi32(const simde__m128i& v) {
  return turned<std::int32_t, std::uint8_t, simde__m512i>(v, [](std::uint8_t x) { return x; });
}
inline simde__m512i cvtepu16_epi32(const simde__m256i& v) {
  return turned<std::int32_t, std::uint16_t, simde__m512i>(v, [](std::uint16_t x) { return x; });
}
inline simde__m256i cvtepi32_epi16(const simde__m512i& v) {
  return turned<std::uint16_t, std::uint32_t, simde__m256i>(v, [](std::uint32_t x) { return x; });
}
template <int kCount>
inline simde__m512i srai_epi32(const simde__m512i& v) {
  return turned<std::int32_t, std::int32_t, simde__m512i>(
      v, [](std::int32_t x) { return x >> kCount; });
}
inline simde__m512 cvtepi32_ps(const simde__m512i& v) {
  return turned<float, std::int32_t, simde__m512>(v, [](std::int32_t x) { return x; });
}
inline simde__m512i cvtps_epi32(const simde__m512& v) {
  return turned<std::int32_t, float, simde__m512i>(v, emulated::round_to_int);
}
inline simde__m512 cvtph_ps(const simde__m256i& v) {
  return turned<float, std::uint16_t, simde__m512>(v, emulated::widen_f16);
}
inline simde__m256i cvtps_ph(const simde__m512& v) {
  return turned<std::uint16_t, float, simde__m256i>(v, emulated::narrow_f16);
}

}  // namespace
}  // namespace bora::kernels::simde

// NOLINTBEGIN(bugprone-reserved-identifier): they take the place of what the compiler declares.
#undef _mm512_fmadd_ps
#define _mm512_fmadd_ps ::bora::kernels::simde::fmadd_ps
#define _mm512_shuffle_f32x4(a, b, chosen) ::bora::kernels::simde::shuffle_f32x4<chosen>(a, b)
#define _mm512_extractf32x8_ps(v, half) ::bora::kernels::simde::extractf32x8_ps<half>(v)
#define _mm512_cvtepi8_epi32 ::bora::kernels::simde::cvtepi8_epi32
#define _mm512_cvtepu8_epi32 ::bora::kernels::simde::cvtepu8_epi32
#define _mm512_cvtepu16_epi32 ::bora::kernels::simde::cvtepu16_epi32
#define _mm512_cvtepi32_epi16 ::bora::kernels::simde::cvtepi32_epi16
#define _mm512_srai_epi32(v, count) ::bora::kernels::simde::srai_epi32<count>(v)
#define _mm512_cvtepi32_ps ::bora::kernels::simde::cvtepi32_ps
#define _mm512_cvtps_epi32 ::bora::kernels::simde::cvtps_epi32
#define _mm512_cvtph_ps ::bora::kernels::simde::cvtph_ps
#define _mm512_cvtps_ph(v, nearest) ::bora::kernels::simde::cvtps_ph(v)
// NOLINTEND(bugprone-reserved-identifier)
