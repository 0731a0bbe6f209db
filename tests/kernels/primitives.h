// The primitives of a vector wrapper (kernels/cpu/generic/simd.h) as functions on bytes, so that a
// test can run those of several wrappers on the same operands and compare what they give.
//
// primitives_of() is instantiated in files built with an ISA's flags (primitives.cc.in), which are
// held to the rules of generic/simd.h: no inline function of std here.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bora::kernels {

struct Primitive {
  // Any bits; whole floats in [-126, 127]; a vector of sums and two of bf16, of sizes that meet.
  enum class In { kFloats, kWholeNumbers, kPairs };
  enum class Out { kFloats, kBits };  // any NaN is as good as another; all bits count

  const char* name;
  In in;
  std::size_t in_bytes;  // at most kMostPrimitiveBytes
  Out out;
  std::size_t out_bytes;
  void (*run)(const std::byte* in, std::byte* out) noexcept;
};

inline constexpr std::size_t kMostPrimitiveBytes = 1024;

struct PrimitiveList {
  const Primitive* first = nullptr;
  std::size_t count = 0;
  [[nodiscard]] const Primitive* begin() const { return first; }
  [[nodiscard]] const Primitive* end() const { return first + count; }
};

template <class V>
[[gnu::always_inline]] inline V operand(const std::byte* in, std::size_t index) {
  V v;
  __builtin_memcpy(&v, in + index * sizeof(V), sizeof(V));
  return v;
}

template <class T>
[[gnu::always_inline]] inline void put(std::byte* out, const T& result) {
  __builtin_memcpy(out, &result, sizeof(result));
}

template <class Simd>
struct PrimitivesOf {
  using F32 = typename Simd::F32;
  using I32 = typename Simd::I32;
  static constexpr std::size_t kVector = sizeof(F32);
  static constexpr std::size_t kBlock = 32;  // values
  static constexpr std::size_t kBlockVectors = kBlock / Simd::kLanes;

  template <F32 (*kFunction)(F32)>
  static void one(const std::byte* in, std::byte* out) noexcept {
    put(out, kFunction(operand<F32>(in, 0)));
  }
  template <F32 (*kFunction)(F32, F32)>
  static void two(const std::byte* in, std::byte* out) noexcept {
    put(out, kFunction(operand<F32>(in, 0), operand<F32>(in, 1)));
  }
  static void fma(const std::byte* in, std::byte* out) noexcept {
    put(out, Simd::fma(operand<F32>(in, 0), operand<F32>(in, 1), operand<F32>(in, 2)));
  }
  template <float (*kFunction)(F32)>
  static void reduce(const std::byte* in, std::byte* out) noexcept {
    put(out, kFunction(operand<F32>(in, 0)));
  }
  static void reduce_add_each(const std::byte* in, std::byte* out) noexcept {
    F32 v[Simd::kLanes];
    for (std::size_t i = 0; i < Simd::kLanes; ++i) v[i] = operand<F32>(in, i);
    put(out, Simd::reduce_add_each(v));
  }
  template <F32 (*kFunction)(const std::byte*)>
  static void widen(const std::byte* in, std::byte* out) noexcept {
    put(out, kFunction(in));
  }
  template <void (*kFunction)(std::byte*, F32)>
  static void narrow(const std::byte* in, std::byte* out) noexcept {
    kFunction(out, operand<F32>(in, 0));
  }
  template <void (*kFunction)(const std::byte*, F32, F32 (&)[kBlockVectors])>
  static void block(const std::byte* in, std::byte* out) noexcept {
    F32 v[kBlockVectors];
    kFunction(in, Simd::set(operand<float>(in + kBlock, 0)), v);
    put(out, v);
  }
  static void widen_u4(const std::byte* in, std::byte* out) noexcept {
    F32 v[kBlockVectors];
    Simd::widen_u4(in, Simd::set(operand<float>(in + kBlock, 0)),
                   Simd::set(operand<float>(in + kBlock, 1)), v);
    put(out, v);
  }
  static void dot_u8_i8(const std::byte* in, std::byte* out) noexcept {
    put(out, Simd::dot_u8_i8(operand<I32>(in, 0), operand<I32>(in, 1), operand<I32>(in, 2)));
  }

  static constexpr auto kFloats = Primitive::In::kFloats;
  static constexpr auto kWhole = Primitive::In::kWholeNumbers;
  static constexpr auto kNumbers = Primitive::Out::kFloats;
  static constexpr auto kBits = Primitive::Out::kBits;

  static constexpr Primitive kAll[] = {
      {"add", kFloats, 2 * kVector, kNumbers, kVector, two<Simd::add>},
      {"sub", kFloats, 2 * kVector, kNumbers, kVector, two<Simd::sub>},
      {"mul", kFloats, 2 * kVector, kNumbers, kVector, two<Simd::mul>},
      {"div", kFloats, 2 * kVector, kNumbers, kVector, two<Simd::div>},
      {"max", kFloats, 2 * kVector, kNumbers, kVector, two<Simd::max>},
      {"min", kFloats, 2 * kVector, kNumbers, kVector, two<Simd::min>},
      {"sqrt", kFloats, kVector, kNumbers, kVector, one<Simd::sqrt>},
      {"fma", kFloats, 3 * kVector, kNumbers, kVector, fma},
      {"reduce_add", kFloats, kVector, kNumbers, 4, reduce<Simd::reduce_add>},
      {"reduce_max", kFloats, kVector, kNumbers, 4, reduce<Simd::reduce_max>},
      {"reduce_add_each", kFloats, Simd::kLanes* kVector, kNumbers, kVector, reduce_add_each},
      {"power_of_two", kWhole, kVector, kBits, kVector, one<Simd::power_of_two>},
      {"widen_f32", kFloats, kVector, kBits, kVector, widen<Simd::widen_f32>},
      {"widen_f16", kFloats, kVector / 2, kBits, kVector, widen<Simd::widen_f16>},
      {"widen_bf16", kFloats, kVector / 2, kBits, kVector, widen<Simd::widen_bf16>},
      {"set_f16", kFloats, 2, kBits, kVector, widen<Simd::set_f16>},
      {"narrow_f16", kFloats, kVector, kBits, kVector / 2, narrow<Simd::narrow_f16>},
      {"narrow_bf16", kFloats, kVector, kBits, kVector / 2, narrow<Simd::narrow_bf16>},
      {"widen_i8", kFloats, kBlock + 4, kNumbers, kBlock * 4, block<Simd::widen_i8>},
      {"widen_i4", kFloats, kBlock + 4, kNumbers, kBlock * 4, block<Simd::widen_i4>},
      {"widen_u4", kFloats, kBlock + 8, kNumbers, kBlock * 4, widen_u4},
      {"dot_u8_i8", kFloats, 3 * kVector, kBits, kVector, dot_u8_i8},
  };
};

// What generic/linear_bf16.h asks beside.
template <class Simd>
struct PairPrimitivesOf {
  using F32 = typename Simd::F32;
  using Pairs = typename Simd::Pairs;
  static constexpr std::size_t kVector = sizeof(F32);

  static void round_pairs(const std::byte* in, std::byte* out) noexcept {
    Simd::round_pairs(out, operand<F32>(in, 0), operand<F32>(in, 1));
  }
  static void dot_pairs(const std::byte* in, std::byte* out) noexcept {
    put(out, Simd::dot_pairs(operand<F32>(in, 0), Simd::load_pairs(in + kVector),
                             Simd::load_pairs(in + 2 * kVector)));
  }

  static constexpr Primitive kAll[] = {
      {"round_pairs", Primitive::In::kFloats, 2 * kVector, Primitive::Out::kBits, kVector,
       round_pairs},
      {"dot_pairs", Primitive::In::kPairs, 3 * kVector, Primitive::Out::kFloats, kVector,
       dot_pairs},
  };
};

template <std::size_t kCount>
constexpr PrimitiveList list_of(const Primitive (&all)[kCount]) {
  return {all, kCount};
}

}  // namespace bora::kernels
