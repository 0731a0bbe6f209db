// The algorithm of kernels/activations.h.
#pragma once

#include "kernels/activations.h"
#include "kernels/cpu/generic/weights.h"

namespace bora::kernels::generic {

// The scale of a group and its codes. Sixteen lanes at most divide the 32 values of a block.
template <class Simd>
[[gnu::always_inline]] inline float round_group(const float* x, std::size_t values,
                                                std::int16_t* codes) {
  constexpr std::size_t kLanes = Simd::kLanes;
  F32<Simd> largest = Simd::zero();
  F32<Simd> tainted = Simd::zero();  // NaN where a value is not finite
  for (std::size_t i = 0; i < values; i += kLanes) {
    const auto v = Simd::load(x + i);
    largest = Simd::max(Simd::max(v, Simd::sub(Simd::zero(), v)), largest);
    tainted = Simd::add(tainted, Simd::mul(v, Simd::zero()));
  }
  float most = Simd::reduce_max(largest);
  if (most < kSmallestRounded) most = 0.0F;
  const auto inverse = Simd::set(most > 0.0F ? kLargestCode / most : 0.0F);
  const auto low = Simd::set(-kLargestCode);
  const auto high = Simd::set(kLargestCode);
  for (std::size_t i = 0; i < values; i += kLanes) {
    const auto v = Simd::mul(Simd::load(x + i), inverse);
    Simd::store_i16(codes + i, Simd::min(Simd::max(v, low), high));
  }
  return most / kLargestCode + Simd::reduce_add(tainted);
}

template <class Simd>
void round_activations(const RoundActivationsArgs& args) noexcept {
  const std::size_t in_features = args.in_features;
  for (std::size_t t = 0; t < args.tokens; ++t) {
    const float* x = args.x + t * in_features;
    std::byte* row = args.out + t * rounded_row_bytes(in_features);
    auto* codes = reinterpret_cast<std::int16_t*>(row);
    auto* scales = reinterpret_cast<float*>(row + rounded_scales_offset(in_features));
    auto* sums = reinterpret_cast<float*>(row + rounded_sums_offset(in_features));
    for (std::size_t k = 0; k < in_features; k += kGroupValues) {
      const std::size_t left = in_features - k;
      scales[k / kGroupValues] =
          round_group<Simd>(x + k, left < kGroupValues ? left : kGroupValues, codes + k);
    }
    for (std::size_t k = 0; k < in_features; k += kBlockValues) {
      std::int32_t sum = 0;
      for (std::size_t i = 0; i < kBlockValues; ++i) sum += codes[k + i];
      sums[k / kBlockValues] = static_cast<float>(sum);
    }
  }
}

}  // namespace bora::kernels::generic
