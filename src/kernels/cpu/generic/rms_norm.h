// The algorithm of kernels/rms_norm.h.
#pragma once

#include "kernels/cpu/generic/weights.h"
#include "kernels/rms_norm.h"

namespace bora::kernels::generic {

template <class Simd>
[[gnu::always_inline]] inline float sum_of_squares(const float* x, std::size_t values) {
  constexpr std::size_t kLanes = Simd::kLanes;
  auto sum = Simd::zero();
  std::size_t i = 0;
  for (; i + kLanes <= values; i += kLanes) {
    const auto v = Simd::load(x + i);
    sum = Simd::fma(v, v, sum);
  }
  if (i < values) {
    const auto v = load_partial<Simd>(x + i, values - i);
    sum = Simd::fma(v, v, sum);
  }
  return Simd::reduce_add(sum);
}

template <class Simd, class Weights>
[[gnu::always_inline]] inline void rms_norm_row(const RmsNormArgs& args, std::size_t t) {
  constexpr std::size_t kLanes = Simd::kLanes;
  const float* x = args.x + t * args.columns;
  float* out = args.out + t * args.columns;
  const float mean = sum_of_squares<Simd>(x, args.columns) / static_cast<float>(args.columns);
  const auto scale = Simd::div(Simd::set(1.0F), Simd::sqrt(Simd::set(mean + args.epsilon)));

  F32<Simd> weight[1];
  std::size_t i = 0;
  for (; i + kLanes <= args.columns; i += kLanes) {
    Weights::widen(args.weight, i, weight);
    auto v = Simd::mul(Simd::mul(Simd::load(x + i), scale), weight[0]);
    if (args.accumulate) v = Simd::add(Simd::load(out + i), v);
    Simd::store(out + i, v);
  }
  if (const std::size_t rest = args.columns - i; rest > 0) {
    Weights::widen_partial(args.weight, i, rest, weight);
    auto v = Simd::mul(Simd::mul(load_partial<Simd>(x + i, rest), scale), weight[0]);
    if (args.accumulate) v = Simd::add(load_partial<Simd>(out + i, rest), v);
    store_partial<Simd>(out + i, v, rest);
  }
}

template <class Simd>
void rms_norm(const RmsNormArgs& args) noexcept {
  visit_plain<Simd>(args.weight_dtype, [&args](auto policy) {
    for (std::size_t t = 0; t < args.tokens; ++t) rms_norm_row<Simd, decltype(policy)>(args, t);
  });
}

}  // namespace bora::kernels::generic
