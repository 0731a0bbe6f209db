// The vector wrapper of avx512_bf16/simd.h in plain C++.
#pragma once

#include "kernels/cpu/emulated/bf16_instructions.h"
#include "kernels/cpu/emulated/simd.h"

namespace bora::kernels::emulated {
namespace {

struct Bf16Simd : Simd {
  using Pairs = std::uint32_t __attribute__((vector_size(64)));

  static Pairs load_pairs(const std::byte* from) {
    Pairs pairs;
    __builtin_memcpy(&pairs, from, sizeof(pairs));
    return pairs;
  }
  [[gnu::noinline]] static void round_pairs(std::byte* to, F32 low, F32 high) {
    for (std::size_t i = 0; i < 2 * kLanes; ++i) {
      const std::uint16_t half = round_bf16(i < kLanes ? low[i] : high[i - kLanes]);
      __builtin_memcpy(to + 2 * i, &half, sizeof(half));
    }
  }
  [[gnu::noinline]] static F32 dot_pairs(F32 sum, Pairs a, Pairs b) {
    for (std::size_t i = 0; i < kLanes; ++i) sum[i] = dot_bf16(sum[i], a[i], b[i]);
    return sum;
  }
};

}  // namespace
}  // namespace bora::kernels::emulated
