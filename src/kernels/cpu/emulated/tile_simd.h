// The vector wrapper of amx/simd.h in plain C++.
#pragma once

#include "kernels/cpu/emulated/bf16_simd.h"

namespace bora::kernels::emulated {
namespace {

struct TileSimd : Bf16Simd {
  static F32 as_f32(I32 v) { return reinterpret_cast<F32>(v); }
  static I32 as_bits(F32 v) { return reinterpret_cast<I32>(v); }
  [[gnu::noinline]] static Bytes lower_bytes(I16 v) {
    Bytes bytes;
    for (std::size_t i = 0; i < sizeof(Bytes); ++i) bytes[i] = static_cast<std::uint8_t>(v[i]);
    return bytes;
  }
  static Bytes upper_bytes(I16 v) { return lower_bytes(v >> 8); }
  static void store_bytes(std::byte* to, Bytes v) { __builtin_memcpy(to, &v, sizeof(v)); }
  template <int kLess>
  [[gnu::noinline]] static I32 scale_i16(I32 v, I32 by) {
    const auto scales = reinterpret_cast<I16>(by);
    auto out = reinterpret_cast<I16>(v);
    for (std::size_t i = 0; i < 2 * kLanes; ++i) {
      out[i] = static_cast<std::int16_t>((out[i] - kLess) * scales[i]);
    }
    return reinterpret_cast<I32>(out);
  }
  [[gnu::noinline]] static I32 join(I32 upper, I32 lower) {
    for (std::size_t i = 0; i < kLanes; ++i) {
      lower[i] = static_cast<std::int32_t>((static_cast<std::uint32_t>(upper[i]) << 8) +
                                           static_cast<std::uint32_t>(lower[i]));
    }
    return lower;
  }
};

}  // namespace
}  // namespace bora::kernels::emulated
