// The measuring loops of kernels/probe.h.
#pragma once

#include "kernels/cpu/generic/linear_bf16.h"
#include "kernels/cpu/generic/linear_int16.h"
#include "kernels/probe.h"

#include <utility>

namespace bora::kernels::generic {

// Independent chains, enough to hide the latency of two units of four cycles each.
inline constexpr std::size_t kChains = 12;

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

// A tile of linear_bf16.h.
template <class Simd>
ProbeResult probe_pairs(std::size_t turns) noexcept {
  constexpr std::size_t kSums = kTileRows * kTileTokens<Simd>;
  std::uint16_t halves[2][kPairValues<Simd>];
  for (std::size_t i = 0; i < kPairValues<Simd>; ++i) {
    halves[0][i] = 0x3F80;  // 1
    halves[1][i] = 0x3A80;  // 2^-10
  }
  auto activations = Simd::load_pairs(reinterpret_cast<const std::byte*>(halves[0]));
  const auto weights = Simd::load_pairs(reinterpret_cast<const std::byte*>(halves[1]));
  F32<Simd> sums[kSums];
#pragma GCC unroll 24
  for (std::size_t c = 0; c < kSums; ++c) sums[c] = Simd::set(static_cast<float>(c));
  for (std::size_t turn = 0; turn < turns; ++turn) {
    hide(activations);
#pragma GCC unroll 24
    for (std::size_t c = 0; c < kSums; ++c) {
      sums[c] = Simd::dot_pairs(sums[c], weights, activations);
    }
  }
  auto total = Simd::zero();
#pragma GCC unroll 24
  for (std::size_t c = 0; c < kSums; ++c) total = Simd::add(total, sums[c]);
  return {2.0 * static_cast<double>(turns * kSums * kPairValues<Simd>), Simd::reduce_add(total)};
}

// A tile of linear_int16.h: a turn adds the products of as many values as one int32 total holds,
// then multiplies the totals with their scale and adds the minima.
template <class Simd, class Stored>
ProbeResult probe_int16(std::size_t turns) noexcept {
  constexpr std::size_t kVectors = kInt16TileVectors;
  constexpr std::size_t kTokens = kInt16TileTokens<Simd>;
  constexpr std::int16_t kCodes[] = {3, -2, 100, 99, -7, 50, 31, 8};
  typename Simd::I16 weights[kVectors];
  typename Simd::I16 activations[kTokens];
  for (std::size_t v = 0; v < kVectors; ++v) weights[v] = Simd::set_pair(kCodes + v);
#pragma GCC unroll 6
  for (std::size_t t = 0; t < kTokens; ++t) activations[t] = Simd::set_pair(kCodes + t);
  const auto scale = Simd::set(0.001F);
  F32<Simd> sums[kVectors][kTokens];
  clear<Simd>(sums);
  for (std::size_t turn = 0; turn < turns; ++turn) {
    typename Simd::I32 totals[kVectors][kTokens];
#pragma GCC unroll 2
    for (std::size_t v = 0; v < kVectors; ++v) {
#pragma GCC unroll 6
      for (std::size_t t = 0; t < kTokens; ++t) totals[v][t] = Simd::clear_i32();
    }
    for (std::size_t pair = 0; pair < Stored::kTotalValues / 2; pair += 4) {
#pragma GCC unroll 4
      for (std::size_t i = 0; i < 4; ++i) {
#pragma GCC unroll 2
        for (std::size_t v = 0; v < kVectors; ++v) {
          hide(weights[v]);
#pragma GCC unroll 6
          for (std::size_t t = 0; t < kTokens; ++t) {
            totals[v][t] = Simd::dot_i16(totals[v][t], weights[v], activations[t]);
            hide(totals[v][t]);  // which else are added up in another order, with spills
          }
        }
      }
    }
#pragma GCC unroll 2
    for (std::size_t v = 0; v < kVectors; ++v) {
#pragma GCC unroll 6
      for (std::size_t t = 0; t < kTokens; ++t) {
        sums[v][t] = Simd::fma(Simd::to_f32(totals[v][t]), scale, sums[v][t]);
        if constexpr (Stored::kHasMinimum) {
          for (std::size_t block = 0; block < Stored::kTotalValues / kBlockValues; ++block) {
            sums[v][t] = Simd::fma(scale, scale, sums[v][t]);
          }
        }
      }
    }
  }
  auto total = Simd::zero();
#pragma GCC unroll 2
  for (std::size_t v = 0; v < kVectors; ++v) {
#pragma GCC unroll 6
    for (std::size_t t = 0; t < kTokens; ++t) total = Simd::add(total, sums[v][t]);
  }
  return {
      2.0 * static_cast<double>(turns * kVectors * kTokens * Simd::kLanes * Stored::kTotalValues),
      Simd::reduce_add(total)};
}

// Wrappers that offer what linear_bf16.h asks.
template <class Simd>
concept HasPairs = requires {
  typename Simd::Pairs;
};

using LinearProbe = ProbeResult (*)(std::size_t turns) noexcept;

template <class Simd, bool kIntegers, DType kWeights>
consteval LinearProbe linear_probe_of() {
  if constexpr (kIntegers && info(kWeights).block_values > 1) {
    return probe_int16<Simd, CodeFormat<kWeights>>;
  } else if constexpr (HasPairs<Simd> && kWeights == DType::kBF16) {
    return probe_pairs<Simd>;
  } else {
    return probe_fma<Simd>;
  }
}

template <class Simd, bool kIntegers, std::size_t... kIndex>
[[gnu::always_inline]] inline ProbeResult dispatch_probe(DType weights, std::size_t turns,
                                                         std::index_sequence<kIndex...> /*types*/) {
  static constexpr LinearProbe kByType[] = {
      linear_probe_of<Simd, kIntegers, kDTypes[kIndex].dtype>()...};
  return kByType[static_cast<std::size_t>(weights)](turns);
}

template <class Simd, bool kIntegers>
ProbeResult probe_linear(DType weights, std::size_t turns) noexcept {
  return dispatch_probe<Simd, kIntegers>(weights, turns,
                                         std::make_index_sequence<kDTypes.size()>());
}

// Four lines of 64 bytes, `stride` bytes apart; with kAhead, fetches what lies that many bytes
// further.
template <class Simd, std::size_t kAhead>
[[gnu::always_inline]] inline void add_lines(const std::byte* from, std::size_t stride,
                                             F32<Simd> (&sums)[kManyStreams]) {
#pragma GCC unroll 4
  for (std::size_t s = 0; s < kManyStreams; ++s) {
    const std::byte* at = from + s * stride;
    if constexpr (kAhead > 0) __builtin_prefetch(at + kAhead);
    for (std::size_t i = 0; i < 64; i += Simd::kLanes * sizeof(float)) {
      sums[s] = Simd::add(sums[s], Simd::widen_f32(at + i));
    }
  }
}

template <class Simd>
ProbeResult probe_read(const std::byte* from, std::size_t bytes, std::size_t streams) noexcept {
  constexpr std::size_t kLine = 64;
  constexpr std::size_t kAhead = 1024;
  F32<Simd> sums[kManyStreams];
#pragma GCC unroll 4
  for (std::size_t s = 0; s < kManyStreams; ++s) sums[s] = Simd::zero();
  if (streams == kManyStreams) {
    const std::size_t stride = bytes / kManyStreams;
    for (std::size_t i = 0; i < stride; i += kLine) {
      add_lines<Simd, kAhead>(from + i, stride, sums);
    }
  } else {
    for (std::size_t i = 0; i < bytes; i += kManyStreams * kLine) {
      add_lines<Simd, 0>(from + i, kLine, sums);
    }
  }
  auto total = Simd::zero();
#pragma GCC unroll 4
  for (std::size_t s = 0; s < kManyStreams; ++s) total = Simd::add(total, sums[s]);
  return {static_cast<double>(bytes), Simd::reduce_add(total)};
}

}  // namespace bora::kernels::generic
