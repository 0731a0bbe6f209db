// The codes of quantized rows taken apart in the lanes of a vector of AVX-512. What each function
// is to do is said in generic/simd.h.
#pragma once

#include "kernels/cpu/avx2/bytes.h"

#include <cstddef>
#include <cstdint>
#include <immintrin.h>

namespace bora::kernels::avx512 {
namespace {

struct Quads : avx2::Bytes256 {
  using I32 = __m512i;

  // In each 128 bits lane j of v[i] and lane i of v[j] change places.
  [[gnu::always_inline]] static void transpose_fours(const I32 (&v)[4], I32 (&out)[4]) {
    const I32 ab = _mm512_unpacklo_epi32(v[0], v[1]);
    const I32 ab_high = _mm512_unpackhi_epi32(v[0], v[1]);
    const I32 cd = _mm512_unpacklo_epi32(v[2], v[3]);
    const I32 cd_high = _mm512_unpackhi_epi32(v[2], v[3]);
    out[0] = _mm512_unpacklo_epi64(ab, cd);
    out[1] = _mm512_unpackhi_epi64(ab, cd);
    out[2] = _mm512_unpacklo_epi64(ab_high, cd_high);
    out[3] = _mm512_unpackhi_epi64(ab_high, cd_high);
  }
  [[gnu::always_inline]] static void load_quads(const std::byte* first, std::size_t stride,
                                                I32 (&out)[4]) {
    const std::byte* rows[4] = {first, first + 4 * stride, first + 8 * stride, first + 12 * stride};
    // Or the compiler keeps sixteen addresses, most of them in memory.
#pragma GCC unroll 4
    for (const std::byte*& row : rows) asm("" : "+r"(row));
    I32 four[4];  // rows j, j + 4, j + 8 and j + 12
#pragma GCC unroll 4
    for (std::size_t j = 0; j < 4; ++j) {
      four[j] = _mm512_castsi128_si512(load_16(rows[0] + j * stride));
      four[j] = _mm512_inserti32x4(four[j], load_16(rows[1] + j * stride), 1);
      four[j] = _mm512_inserti32x4(four[j], load_16(rows[2] + j * stride), 2);
      four[j] = _mm512_inserti32x4(four[j], load_16(rows[3] + j * stride), 3);
    }
    transpose_fours(four, out);
  }
  [[gnu::always_inline]] static void store_quads(std::byte* first, std::size_t stride,
                                                 const I32 (&v)[4]) {
    I32 four[4];
    transpose_fours(v, four);
#pragma GCC unroll 4
    for (std::size_t j = 0; j < 4; ++j) {
      store_16(first + j * stride, _mm512_castsi512_si128(four[j]));
      store_16(first + (j + 4) * stride, _mm512_extracti32x4_epi32(four[j], 1));
      store_16(first + (j + 8) * stride, _mm512_extracti32x4_epi32(four[j], 2));
      store_16(first + (j + 12) * stride, _mm512_extracti32x4_epi32(four[j], 3));
    }
  }
  [[gnu::always_inline]] static I32 bits(I32 v, std::int32_t mask) {
    return _mm512_and_si512(v, _mm512_set1_epi32(mask));
  }
  [[gnu::always_inline]] static I32 flip(I32 v, std::int32_t mask) {
    return _mm512_xor_si512(v, _mm512_set1_epi32(mask));
  }
  [[gnu::always_inline]] static I32 either(I32 a, I32 b) { return _mm512_or_si512(a, b); }
  [[gnu::always_inline]] static I32 add_i32(I32 a, I32 b) { return _mm512_add_epi32(a, b); }
  [[gnu::always_inline]] static I32 mul_i32(I32 a, I32 b) { return _mm512_mullo_epi32(a, b); }
  [[gnu::always_inline]] static I32 right_by(I32 v, std::int32_t count) {
    return _mm512_srlv_epi32(v, _mm512_set1_epi32(count));
  }
  template <int kCount>
  [[gnu::always_inline]] static I32 right_u32(I32 v) {
    return _mm512_srli_epi32(v, kCount);
  }
  template <int kCount>
  [[gnu::always_inline]] static I32 right_i32(I32 v) {
    return _mm512_srai_epi32(v, kCount);
  }
  template <int kCount>
  [[gnu::always_inline]] static I32 left_i32(I32 v) {
    return _mm512_slli_epi32(v, kCount);
  }
  template <int kCount>
  [[gnu::always_inline]] static I32 right_u16(I32 v) {
    return _mm512_srli_epi16(v, kCount);
  }
};

}  // namespace
}  // namespace bora::kernels::avx512
