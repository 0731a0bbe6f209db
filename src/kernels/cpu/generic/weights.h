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
  static constexpr DType kDType = kType;
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
  static constexpr DType kDType = kType;
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

// Super-blocks of 256 values: eight parts of 32, each widened by itself. Rows are whole.
template <class Simd, DType kType>
struct SuperBlockWeights {
  static constexpr DType kDType = kType;
  using Stored = Format<kType>;
  static constexpr std::size_t kGroup = kBlockValues;
  static constexpr std::size_t kUnit = kSuperBlockValues;
  static constexpr bool kHasTail = false;

  static constexpr std::size_t offset(std::size_t k) { return k * Stored::kBytes / kUnit; }

  [[gnu::always_inline]] static void widen(const std::byte* row, std::size_t k,
                                           F32<Simd> (&out)[kBlockValues / Simd::kLanes]) {
    Stored::template widen<Simd>(row + k / kUnit * Stored::kBytes, k / kBlockValues % 8, out);
  }
};

// The 32 codes of a part, a byte each, put together as four words, eight codes at a time: that asks
// nothing of a wrapper. They are widened like the bytes of q8_0.
struct Codes {
  static constexpr std::uint64_t kEachByte = 0x0101010101010101;
  std::uint64_t words[4];

  // `bits` of each of the 32 bytes, from bit `shift` on.
  [[gnu::always_inline]] static Codes read(const std::byte* from, std::size_t shift,
                                           std::uint64_t bits) {
    Codes codes;  // NOLINT(cppcoreguidelines-pro-type-member-init): written next
    __builtin_memcpy(codes.words, from, sizeof(words));
    const std::uint64_t mask = kEachByte * ((1U << bits) - 1U);
    for (std::uint64_t& word : codes.words) word = word >> shift & mask;
    return codes;
  }
  // Puts the codes of `high` above the low 4 bits.
  [[gnu::always_inline]] void add_high(const Codes& high) {
    for (std::size_t i = 0; i < 4; ++i) words[i] |= high.words[i] << 4;
  }
  // code - 32, signed: with bit 7 set no byte borrows from the next.
  [[gnu::always_inline]] void subtract_32() {
    constexpr std::uint64_t kTop = kEachByte * 0x80;
    for (std::uint64_t& word : words) word = ((word | kTop) - kEachByte * 32) ^ kTop;
  }
  // As f32; the product with one is no instruction.
  template <class Simd>
  [[gnu::always_inline]] void widen(F32<Simd> (&out)[kBlockValues / Simd::kLanes]) const {
    std::byte bytes[sizeof(words)];
    __builtin_memcpy(bytes, words, sizeof(words));
    Simd::widen_i8(bytes, Simd::set(1.0F), out);
  }
};

// scale * code - minimum of a part, as f32: the product is exact, the difference rounds once. The
// block's two f16 come first, then the twelve bytes that hold scales and minima.
template <class Simd>
[[gnu::always_inline]] inline void widen_affine(const std::byte* block, std::size_t part,
                                                const Codes& codes,
                                                F32<Simd> (&out)[kBlockValues / Simd::kLanes]) {
  unsigned char b[12];
  __builtin_memcpy(b, block + 4, sizeof(b));
  const std::size_t j = part & 3U;
  const bool first = part < 4;
  const int scale = first ? b[j] & 63 : (b[j + 8] & 15) | b[j] >> 6 << 4;
  const int minimum = first ? b[j + 4] & 63 : b[j + 8] >> 4 | b[j + 4] >> 6 << 4;
  const F32<Simd> by = Simd::mul(Simd::set_f16(block), Simd::set(static_cast<float>(scale)));
  const F32<Simd> plus =
      Simd::mul(Simd::set_f16(block + 2), Simd::set(-static_cast<float>(minimum)));
  codes.widen<Simd>(out);
  for (F32<Simd>& v : out) v = Simd::fma(by, v, plus);
}

template <>
struct Format<DType::kQ4K> {
  static constexpr std::size_t kBytes = sizeof(BlockQ4K);
  template <class Simd>
  [[gnu::always_inline]] static void widen(const std::byte* block, std::size_t part,
                                           F32<Simd> (&out)[kBlockValues / Simd::kLanes]) {
    const std::byte* nibbles = block + offsetof(BlockQ4K, nibbles) + part / 2 * 32;
    widen_affine<Simd>(block, part, Codes::read(nibbles, part % 2 * 4, 4), out);
  }
};

template <>
struct Format<DType::kQ5K> {
  static constexpr std::size_t kBytes = sizeof(BlockQ5K);
  template <class Simd>
  [[gnu::always_inline]] static void widen(const std::byte* block, std::size_t part,
                                           F32<Simd> (&out)[kBlockValues / Simd::kLanes]) {
    const std::byte* nibbles = block + offsetof(BlockQ5K, nibbles) + part / 2 * 32;
    Codes codes = Codes::read(nibbles, part % 2 * 4, 4);
    codes.add_high(Codes::read(block + offsetof(BlockQ5K, high_bits), part, 1));
    widen_affine<Simd>(block, part, codes, out);
  }
};

// Exact: 11 bits of scale, 7 of a part's and 5 of a code fit f32.
template <>
struct Format<DType::kQ6K> {
  static constexpr std::size_t kBytes = sizeof(BlockQ6K);
  template <class Simd>
  [[gnu::always_inline]] static void widen(const std::byte* block, std::size_t part,
                                           F32<Simd> (&out)[kBlockValues / Simd::kLanes]) {
    const std::size_t half = part / 4;
    const std::size_t j = part % 4;
    const std::byte* nibbles = block + offsetof(BlockQ6K, nibbles) + 64 * half + 32 * (j % 2);
    const std::byte* high = block + offsetof(BlockQ6K, high_bits) + 32 * half;
    Codes codes = Codes::read(nibbles, j / 2 * 4, 4);
    codes.add_high(Codes::read(high, 2 * j, 2));
    codes.subtract_32();
    codes.widen<Simd>(out);

    signed char scales[2];
    __builtin_memcpy(scales, block + offsetof(BlockQ6K, scales) + 2 * part, sizeof(scales));
    const F32<Simd> scale = Simd::set_f16(block + offsetof(BlockQ6K, scale));
    constexpr std::size_t kVectors = kBlockValues / Simd::kLanes;
    for (std::size_t s = 0; s < 2; ++s) {
      const F32<Simd> by = Simd::mul(scale, Simd::set(static_cast<float>(scales[s])));
      for (std::size_t v = 0; v < kVectors / 2; ++v) {
        F32<Simd>& half_of = out[s * kVectors / 2 + v];
        half_of = Simd::mul(by, half_of);
      }
    }
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
struct PolicyChoice<Simd, kType, kSuperBlockValues> {
  using Policy = SuperBlockWeights<Simd, kType>;
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
