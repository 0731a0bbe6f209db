// The codes of quantized rows taken apart in the lanes of the compilers' own vectors. What each
// function is to do is said in generic/simd.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bora::kernels::scalar {
namespace {

struct Quads {
  using I32 = std::int32_t __attribute__((vector_size(16)));
  using U32 = std::uint32_t __attribute__((vector_size(16)));
  using I16 = std::int16_t __attribute__((vector_size(16)));
  using U16 = std::uint16_t __attribute__((vector_size(16)));
  using U8 = std::uint8_t __attribute__((vector_size(16)));

  [[gnu::always_inline]] static void store_quads(std::byte* first, std::size_t stride,
                                                 const I32 (&v)[4]) {
    for (std::size_t r = 0; r < 4; ++r) {
      for (std::size_t i = 0; i < 4; ++i) {
        const std::int32_t word = v[i][r];
        __builtin_memcpy(first + r * stride + 4 * i, &word, sizeof(word));
      }
    }
  }
  [[gnu::always_inline]] static I32 bits(I32 v, std::int32_t mask) { return v & mask; }
  [[gnu::always_inline]] static I32 flip(I32 v, std::int32_t mask) { return v ^ mask; }
  [[gnu::always_inline]] static I32 either(I32 a, I32 b) { return a | b; }
  [[gnu::always_inline]] static I32 add_i32(I32 a, I32 b) {
    return as<I32>(as<U32>(a) + as<U32>(b));
  }
  [[gnu::always_inline]] static I32 mul_i32(I32 a, I32 b) {
    return as<I32>(as<U32>(a) * as<U32>(b));
  }
  [[gnu::always_inline]] static I32 right_by(I32 v, std::int32_t count) {
    return as<I32>(as<U32>(v) >> static_cast<std::uint32_t>(count));
  }
  template <int kCount>
  [[gnu::always_inline]] static I32 right_u32(I32 v) {
    return as<I32>(as<U32>(v) >> kCount);
  }
  template <int kCount>
  [[gnu::always_inline]] static I32 right_i32(I32 v) {
    return v >> kCount;
  }
  template <int kCount>
  [[gnu::always_inline]] static I32 left_i32(I32 v) {
    return as<I32>(as<U32>(v) << kCount);
  }
  template <int kCount>
  [[gnu::always_inline]] static I32 right_u16(I32 v) {
    return as<I32>(as<U16>(v) >> kCount);
  }

 protected:
  template <class To, class From>
  [[gnu::always_inline]] static To as(From v) {
    return reinterpret_cast<To>(v);
  }
};

}  // namespace
}  // namespace bora::kernels::scalar
