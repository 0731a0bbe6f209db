// Unpack policies: how the values of each dtype become vectors of f32.
//
// A policy widens kGroup consecutive values at once, from value k of a row, a multiple of kGroup: a
// vector of a plain type, 32 values of the others. kStep values (32) are a whole number of groups
// for all. offset(k) is exact where k is a multiple of kUnit: there a row may be cut. Between, in a
// super-block, it says about where value k lies.
#pragma once

#include "kernels/cpu/generic/simd.h"
#include "tensor/blocks.h"
#include "tensor/dtype.h"

#include <cstddef>

namespace bora::kernels::generic {

inline constexpr std::size_t kStep = 32;
static_assert(kStep == kBlockValues);

// What is known of a dtype: kBytes of a value or block, and how kLanes values or a block widen.
template <DType kType>
struct Format;

template <class Simd, DType kType>
struct PlainWeights {
  using Stored = Format<kType>;
  static constexpr std::size_t kGroup = Simd::kLanes;
  static constexpr std::size_t kUnit = kStep;
  static constexpr bool kHasTail = true;

  static constexpr std::size_t offset(std::size_t k) { return k * Stored::kBytes; }

  [[gnu::always_inline]] static void widen(const std::byte* row, std::size_t k,
                                           F32<Simd> (&out)[1]) {
    out[0] = Stored::template widen<Simd>(row + offset(k));
  }
  // The n < kLanes values from k on; the other lanes are zero.
  [[gnu::always_inline]] static void widen_partial(const std::byte* row, std::size_t k,
                                                   std::size_t n, F32<Simd> (&out)[1]) {
    std::byte lanes[Simd::kLanes * Stored::kBytes] = {};
    __builtin_memcpy(lanes, row + offset(k), n * Stored::kBytes);
    out[0] = Stored::template widen<Simd>(lanes);
  }
};

template <>
struct Format<DType::kF32> {
  static constexpr std::size_t kBytes = 4;
  template <class Simd>
  [[gnu::always_inline]] static F32<Simd> widen(const std::byte* from) {
    return Simd::widen_f32(from);
  }
};

template <>
struct Format<DType::kF16> {
  static constexpr std::size_t kBytes = 2;
  template <class Simd>
  [[gnu::always_inline]] static F32<Simd> widen(const std::byte* from) {
    return Simd::widen_f16(from);
  }
};

template <>
struct Format<DType::kBF16> {
  static constexpr std::size_t kBytes = 2;
  template <class Simd>
  [[gnu::always_inline]] static F32<Simd> widen(const std::byte* from) {
    return Simd::widen_bf16(from);
  }
};

// Rows are whole blocks, so there is no tail.
template <class Simd, DType kType>
struct BlockWeights {
  using Stored = Format<kType>;
  static constexpr std::size_t kGroup = kBlockValues;
  static constexpr std::size_t kUnit = kBlockValues;
  static constexpr bool kHasTail = false;

  static constexpr std::size_t offset(std::size_t k) { return k / kBlockValues * Stored::kBytes; }

  [[gnu::always_inline]] static void widen(const std::byte* row, std::size_t k,
                                           F32<Simd> (&out)[kBlockValues / Simd::kLanes]) {
    Stored::template widen<Simd>(row + offset(k), out);
  }
};

template <>
struct Format<DType::kQ8_0> {
  static constexpr std::size_t kBytes = sizeof(BlockQ8_0);
  template <class Simd>
  [[gnu::always_inline]] static void widen(const std::byte* block,
                                           F32<Simd> (&out)[kBlockValues / Simd::kLanes]) {
    Simd::widen_i8(block + offsetof(BlockQ8_0, quants), Simd::set_f16(block), out);
  }
};

template <>
struct Format<DType::kQ4_0> {
  static constexpr std::size_t kBytes = sizeof(BlockQ4_0);
  template <class Simd>
  [[gnu::always_inline]] static void widen(const std::byte* block,
                                           F32<Simd> (&out)[kBlockValues / Simd::kLanes]) {
    Simd::widen_i4(block + offsetof(BlockQ4_0, nibbles), Simd::set_f16(block), out);
  }
};

template <>
struct Format<DType::kQ4_1> {
  static constexpr std::size_t kBytes = sizeof(BlockQ4_1);
  template <class Simd>
  [[gnu::always_inline]] static void widen(const std::byte* block,
                                           F32<Simd> (&out)[kBlockValues / Simd::kLanes]) {
    Simd::widen_u4(block + offsetof(BlockQ4_1, nibbles), Simd::set_f16(block),
                   Simd::set_f16(block + offsetof(BlockQ4_1, minimum)), out);
  }
};

template <class Simd, DType kType, std::uint32_t kBlockOf>
struct PolicyChoice {
  using Policy = BlockWeights<Simd, kType>;
};
template <class Simd, DType kType>
struct PolicyChoice<Simd, kType, 1> {
  using Policy = PlainWeights<Simd, kType>;
};

template <class Simd, DType kType>
using PolicyOf = typename PolicyChoice<Simd, kType, info(kType).block_values>::Policy;

// Calls visit(policy) with the policy of `dtype`.
template <class Simd, std::size_t kIndex = 0, class Visit>
[[gnu::always_inline]] inline void visit_weights(DType dtype, const Visit& visit) {
  constexpr DType kType = kDTypes[kIndex].dtype;
  if (dtype == kType) return visit(PolicyOf<Simd, kType>());
  if constexpr (kIndex + 1 < kDTypes.size()) visit_weights<Simd, kIndex + 1>(dtype, visit);
}

// The same where only a plain type can be: norms, biases, the cache.
template <class Simd, class Visit>
[[gnu::always_inline]] inline void visit_plain(DType dtype, const Visit& visit) {
  if (dtype == DType::kF16) return visit(PlainWeights<Simd, DType::kF16>());
  if (dtype == DType::kBF16) return visit(PlainWeights<Simd, DType::kBF16>());
  visit(PlainWeights<Simd, DType::kF32>());
}

// Widens `values` values from the beginning of `row` to out.
template <class Simd, class Weights>
[[gnu::always_inline]] inline void widen_row(const std::byte* row, std::size_t values, float* out) {
  constexpr std::size_t kVectors = Weights::kGroup / Simd::kLanes;
  F32<Simd> group[kVectors];
  std::size_t k = 0;
  for (; k + Weights::kGroup <= values; k += Weights::kGroup) {
    Weights::widen(row, k, group);
    for (std::size_t v = 0; v < kVectors; ++v) Simd::store(out + k + v * Simd::kLanes, group[v]);
  }
  if constexpr (Weights::kHasTail) {
    if (k < values) {
      Weights::widen_partial(row, k, values - k, group);
      store_partial<Simd>(out + k, group[0], values - k);
    }
  }
}

}  // namespace bora::kernels::generic
