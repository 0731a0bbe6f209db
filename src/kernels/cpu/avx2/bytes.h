// The 32 bytes of a block of codes, as the wrappers of AVX2 and AVX-512 take them apart: both hold
// them in 256 bits. What each is to do is said in generic/simd.h.
#pragma once

#include <cstddef>
#include <immintrin.h>

namespace bora::kernels::avx2 {
namespace {

struct Bytes256 {
  using Bytes = __m256i;

  [[gnu::always_inline]] static Bytes load_bytes(const std::byte* from) { return load_32(from); }
  [[gnu::always_inline]] static Bytes load_nibbles(const std::byte* from) {
    const __m128i pairs = load_16(from);
    const Bytes both =
        _mm256_inserti128_si256(_mm256_castsi128_si256(pairs), _mm_srli_epi16(pairs, 4), 1);
    return _mm256_and_si256(both, _mm256_set1_epi8(15));
  }
  [[gnu::always_inline]] static Bytes part_of(Bytes v, int shift, int mask) {
    return _mm256_and_si256(_mm256_srl_epi16(v, _mm_cvtsi32_si128(shift)),
                            _mm256_set1_epi8(static_cast<char>(mask)));
  }
  [[gnu::always_inline]] static Bytes add_high(Bytes low, Bytes high) {
    return _mm256_or_si256(low, _mm256_slli_epi16(high, 4));
  }
  [[gnu::always_inline]] static Bytes subtract(Bytes v, int number) {
    return _mm256_sub_epi8(v, _mm256_set1_epi8(static_cast<char>(number)));
  }

  // Wherever they lie.
  [[gnu::always_inline]] static __m256i load_32(const void* from) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(from));
  }
  [[gnu::always_inline]] static __m128i load_16(const std::byte* from) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  }
  [[gnu::always_inline]] static void store_16(std::byte* to, __m128i v) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), v);
  }
};

}  // namespace
}  // namespace bora::kernels::avx2
