// The vector wrapper beside the tiles: that of AVX-512 BF16, and what generic/tiles.h asks.
#pragma once

#include "kernels/cpu/avx512_bf16/simd.h"

namespace bora::kernels::amx {
namespace {

struct Simd : avx512_bf16::Simd {
  [[gnu::always_inline]] static F32 as_f32(I32 v) { return _mm512_castsi512_ps(v); }
  [[gnu::always_inline]] static I32 as_bits(F32 v) { return _mm512_castps_si512(v); }
  [[gnu::always_inline]] static Bytes lower_bytes(I16 v) { return _mm512_cvtepi16_epi8(v); }
  [[gnu::always_inline]] static Bytes upper_bytes(I16 v) {
    return _mm512_cvtepi16_epi8(_mm512_srli_epi16(v, 8));
  }
  [[gnu::always_inline]] static void store_bytes(std::byte* to, Bytes v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), v);
  }
  template <int kLess>
  [[gnu::always_inline]] static I32 scale_i16(I32 v, I32 by) {
    return _mm512_mullo_epi16(_mm512_sub_epi16(v, _mm512_set1_epi16(kLess)), by);
  }
  [[gnu::always_inline]] static I32 join(I32 upper, I32 lower) {
    return _mm512_add_epi32(_mm512_slli_epi32(upper, 8), lower);
  }
};

}  // namespace
}  // namespace bora::kernels::amx
