// The vector wrapper of AVX-512 BF16: that of AVX-512, and what generic/linear_bf16.h asks.
#pragma once

#include "kernels/cpu/avx512/simd.h"

namespace bora::kernels::avx512_bf16 {
namespace {

struct Simd : avx512::Simd {
  using Pairs = __m512i;

  [[gnu::always_inline]] static Pairs load_pairs(const std::byte* from) {
    return _mm512_loadu_si512(from);
  }
  // Subnormals become zero.
  [[gnu::always_inline]] static void round_pairs(std::byte* to, F32 low, F32 high) {
    const __m512bh rounded = _mm512_cvtne2ps_pbh(high, low);
    __builtin_memcpy(to, &rounded, sizeof(rounded));
  }
  // The two sums round one after the other, to nearest even; subnormal operands and sums count as
  // zero, whatever MXCSR says (Intel 64 manual, volume 2, VDPBF16PS; Zen 4 does the same).
  [[gnu::always_inline]] static F32 dot_pairs(F32 sum, Pairs a, Pairs b) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
  }
};

}  // namespace
}  // namespace bora::kernels::avx512_bf16
