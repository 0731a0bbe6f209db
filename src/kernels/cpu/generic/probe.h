// The measuring loops of kernels/probe.h.
#pragma once

#include "kernels/cpu/generic/simd.h"
#include "kernels/probe.h"

namespace bora::kernels::generic {

// Independent chains, enough to hide the latency of two units of four cycles each.
inline constexpr std::size_t kChains = 12;

// Vectors wider than the registers that this file is compiled for are emulated, in memory.
#if defined(__AVX512F__)
inline constexpr std::size_t kRegisterBytes = 64;
#elif defined(__AVX__)
inline constexpr std::size_t kRegisterBytes = 32;
#else
inline constexpr std::size_t kRegisterBytes = 16;
#endif

// Keeps the compiler from knowing the value, which it could otherwise use to fold turns into one.
template <class V>
[[gnu::always_inline]] inline void hide(V& v) {
  if constexpr (sizeof(V) <= kRegisterBytes) {
    asm volatile("" : "+x"(v));
  } else {
    asm volatile("" : "+m"(v));
  }
}

template <class Simd>
ProbeResult probe_fma(std::size_t turns) noexcept {
  F32<Simd> sums[kChains];
#pragma GCC unroll 12
  for (std::size_t c = 0; c < kChains; ++c) sums[c] = Simd::set(static_cast<float>(c));
  auto factor = Simd::set(0.999F);
  const auto term = Simd::set(0.001F);
  for (std::size_t turn = 0; turn < turns; ++turn) {
    hide(factor);
#pragma GCC unroll 12
    for (std::size_t c = 0; c < kChains; ++c) sums[c] = Simd::fma(sums[c], factor, term);
  }
  auto total = Simd::zero();
#pragma GCC unroll 12
  for (std::size_t c = 0; c < kChains; ++c) total = Simd::add(total, sums[c]);
  return {2.0 * static_cast<double>(turns * kChains * Simd::kLanes), Simd::reduce_add(total)};
}

template <class Simd>
ProbeResult probe_int8(std::size_t turns) noexcept {
  typename Simd::I32 sums[kChains] = {};
  auto activations = Simd::set_bits(0x01020304);
  const auto weights = Simd::set_bits(0x01FF02FE);
  for (std::size_t turn = 0; turn < turns; ++turn) {
#pragma GCC unroll 12
    for (std::size_t c = 0; c < kChains; ++c) {
      hide(activations);  // that all chains multiply the same bytes
      sums[c] = Simd::dot_u8_i8(sums[c], activations, weights);
    }
  }
  auto total = sums[0];
  for (std::size_t c = 1; c < kChains; ++c) total = Simd::dot_u8_i8(total, sums[c], weights);
  return {2.0 * static_cast<double>(turns * kChains * Simd::kLanes * 4),
          static_cast<float>(Simd::first_lane(total))};
}

// Reads `bytes` bytes (a multiple of 4 * 256) once, as linear() does for one token: four streams at
// a time, fetched ahead. One stream alone leaves a tenth of the bandwidth unused.
template <class Simd>
ProbeResult probe_read(const std::byte* from, std::size_t bytes) noexcept {
  constexpr std::size_t kReadStreams = 4;
  constexpr std::size_t kLine = 64;
  constexpr std::size_t kAhead = 1024;
  constexpr std::size_t kBytes = Simd::kLanes * sizeof(float);
  const std::size_t stride = bytes / kReadStreams;
  F32<Simd> sums[kReadStreams];
#pragma GCC unroll 4
  for (std::size_t s = 0; s < kReadStreams; ++s) sums[s] = Simd::zero();
  for (std::size_t line = 0; line < stride; line += kLine) {
#pragma GCC unroll 4
    for (std::size_t s = 0; s < kReadStreams; ++s) {
      const std::byte* at = from + s * stride + line;
      __builtin_prefetch(at + kAhead);
      for (std::size_t i = 0; i < kLine; i += kBytes) {
        sums[s] = Simd::add(sums[s], Simd::widen_f32(at + i));
      }
    }
  }
  auto total = Simd::zero();
#pragma GCC unroll 4
  for (std::size_t s = 0; s < kReadStreams; ++s) total = Simd::add(total, sums[s]);
  return {static_cast<double>(bytes), Simd::reduce_add(total)};
}

}  // namespace bora::kernels::generic
