// The codes of quantized rows taken apart in the lanes of a vector of AVX2. What each function is
// to do is said in generic/simd.h.
#pragma once

#include "kernels/cpu/avx2/bytes.h"

#include <cstddef>
#include <cstdint>
#include <immintrin.h>

namespace bora::kernels::avx2 {
namespace {

struct Quads : Bytes256 {
  using I32 = __m256i;

  // In each 128 bits lane j of v[i] and lane i of v[j] change places.
  [[gnu::always_inline]] static void transpose_fours(const I32 (&v)[4], I32 (&out)[4]) {
    const I32 ab = _mm256_unpacklo_epi32(v[0], v[1]);
    const I32 ab_high = _mm256_unpackhi_epi32(v[0], v[1]);
    const I32 cd = _mm256_unpacklo_epi32(v[2], v[3]);
    const I32 cd_high = _mm256_unpackhi_epi32(v[2], v[3]);
    out[0] = _mm256_unpacklo_epi64(ab, cd);
    out[1] = _mm256_unpackhi_epi64(ab, cd);
    out[2] = _mm256_unpacklo_epi64(ab_high, cd_high);
    out[3] = _mm256_unpackhi_epi64(ab_high, cd_high);
  }
  [[gnu::always_inline]] static void load_quads(const std::byte* first, std::size_t stride,
                                                I32 (&out)[4]) {
    const std::byte* fifth = first + 4 * stride;
    I32 four[4];  // rows j and j + 4
#pragma GCC unroll 4
    for (std::size_t j = 0; j < 4; ++j) {
      four[j] = _mm256_inserti128_si256(_mm256_castsi128_si256(load_16(first + j * stride)),
                                        load_16(fifth + j * stride), 1);
    }
    transpose_fours(four, out);
  }
  [[gnu::always_inline]] static void store_quads(std::byte* first, std::size_t stride,
                                                 const I32 (&v)[4]) {
    I32 four[4];
    transpose_fours(v, four);
#pragma GCC unroll 4
    for (std::size_t j = 0; j < 4; ++j) {
      store_16(first + j * stride, _mm256_castsi256_si128(four[j]));
      store_16(first + (j + 4) * stride, _mm256_extracti128_si256(four[j], 1));
    }
  }
  [[gnu::always_inline]] static I32 bits(I32 v, std::int32_t mask) {
    return _mm256_and_si256(v, _mm256_set1_epi32(mask));
  }
  [[gnu::always_inline]] static I32 flip(I32 v, std::int32_t mask) {
    return _mm256_xor_si256(v, _mm256_set1_epi32(mask));
  }
  [[gnu::always_inline]] static I32 either(I32 a, I32 b) { return _mm256_or_si256(a, b); }
  [[gnu::always_inline]] static I32 add_i32(I32 a, I32 b) { return _mm256_add_epi32(a, b); }
  [[gnu::always_inline]] static I32 mul_i32(I32 a, I32 b) { return _mm256_mullo_epi32(a, b); }
  [[gnu::always_inline]] static I32 right_by(I32 v, std::int32_t count) {
    return _mm256_srlv_epi32(v, _mm256_set1_epi32(count));
  }
  template <int kCount>
  [[gnu::always_inline]] static I32 right_u32(I32 v) {
    return _mm256_srli_epi32(v, kCount);
  }
  template <int kCount>
  [[gnu::always_inline]] static I32 right_i32(I32 v) {
    return _mm256_srai_epi32(v, kCount);
  }
  template <int kCount>
  [[gnu::always_inline]] static I32 left_i32(I32 v) {
    return _mm256_slli_epi32(v, kCount);
  }
  template <int kCount>
  [[gnu::always_inline]] static I32 right_u16(I32 v) {
    return _mm256_srli_epi16(v, kCount);
  }
};

}  // namespace
}  // namespace bora::kernels::avx2
