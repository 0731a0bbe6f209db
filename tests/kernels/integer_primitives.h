// The primitives of a vector wrapper that generic/linear_int16.h asks for
// (tests/kernels/primitives.h).
#pragma once

#include "tests/kernels/primitives.h"

namespace bora::kernels {

// As functions of sixteen lanes: wrappers of fewer take them in several vectors, so that all give
// the same bytes.
template <class Simd>
struct IntegerPrimitivesOf {
  using F32 = typename Simd::F32;
  using I32 = typename Simd::I32;
  using I16 = typename Simd::I16;
  static constexpr std::size_t kLanes = Simd::kLanes;
  static constexpr std::size_t kSixteen = 16;
  static constexpr std::size_t kVectors = kSixteen / kLanes;
  static constexpr std::size_t kCodes = 32;
  static constexpr std::size_t kCodeVectors = kCodes / (2 * kLanes);
  static constexpr std::size_t kVector = sizeof(I32);

  template <class T>
  [[gnu::always_inline]] static const T* at(const std::byte* in) {
    return reinterpret_cast<const T*>(in);
  }

  static void dot_i16(const std::byte* in, std::byte* out) noexcept {
    const auto* a = at<std::int16_t>(in + 4 * kSixteen);
    for (std::size_t v = 0; v < kVectors; ++v) {
      const std::int16_t* mine = a + 2 * v * kLanes;
      const I32 sum = Simd::load_i32(at<std::int32_t>(in) + v * kLanes);
      const I32 dot = Simd::dot_i16(sum, Simd::load_i16(mine), Simd::load_i16(mine + 2 * kSixteen));
      Simd::store_i32(reinterpret_cast<std::int32_t*>(out) + v * kLanes, dot);
    }
  }
  static void dot_pair(const std::byte* in, std::byte* out) noexcept {
    const auto* a = at<std::int16_t>(in);
    for (std::size_t v = 0; v < kVectors; ++v) {
      const I32 dot = Simd::dot_i16(Simd::clear_i32(), Simd::load_i16(a + 2 * v * kLanes),
                                    Simd::set_pair(a + 2 * kSixteen));
      put(out + v * kVector, dot);
    }
  }
  static void store_i16(const std::byte* in, std::byte* out) noexcept {
    for (std::size_t v = 0; v < kVectors; ++v) {
      Simd::store_i16(reinterpret_cast<std::int16_t*>(out) + v * kLanes,
                      Simd::load(at<float>(in) + v * kLanes));
    }
  }
  static void to_f32(const std::byte* in, std::byte* out) noexcept {
    for (std::size_t v = 0; v < kVectors; ++v) {
      put(out + v * kVector, Simd::to_f32(operand<I32>(in, v)));
    }
  }
  // Of a square of sixteen by sixteen int32, the part of kLanes by kLanes that begins there.
  [[gnu::always_inline]] static void read_square(const std::byte* in, std::size_t row,
                                                 std::size_t column, I32 (&v)[kLanes]) {
    for (std::size_t i = 0; i < kLanes; ++i) {
      v[i] = Simd::load_i32(at<std::int32_t>(in) + (row + i) * kSixteen + column);
    }
  }
  static void transpose(const std::byte* in, std::byte* out) noexcept {
    auto* to = reinterpret_cast<std::int32_t*>(out);
    for (std::size_t row = 0; row < kSixteen; row += kLanes) {
      for (std::size_t column = 0; column < kSixteen; column += kLanes) {
        I32 v[kLanes];
        read_square(in, row, column, v);
        Simd::transpose(v);
        for (std::size_t i = 0; i < kLanes; ++i) {
          Simd::store_i32(to + (column + i) * kSixteen + row, v[i]);
        }
      }
    }
  }
  // Of sixteen rows of 32 bytes.
  template <std::size_t kOffset>
  static void load_quads(const std::byte* in, std::byte* out) noexcept {
    auto* to = reinterpret_cast<std::int32_t*>(out);
    for (std::size_t row = 0; row < kSixteen; row += kLanes) {
      I32 v[4];
      Simd::load_quads(in + row * kCodes + kOffset, kCodes, v);
      for (std::size_t i = 0; i < 4; ++i) Simd::store_i32(to + i * kSixteen + row, v[i]);
    }
  }
  static void store_quads(const std::byte* in, std::byte* out) noexcept {
    for (std::size_t row = 0; row < kSixteen; row += kLanes) {
      I32 v[4];
      for (std::size_t i = 0; i < 4; ++i) v[i] = operand<I32>(in, i * kVectors + row / kLanes);
      Simd::store_quads(out + row * 16, 16, v);
    }
  }
  template <I32 (*kFunction)(I32)>
  static void each(const std::byte* in, std::byte* out) noexcept {
    for (std::size_t v = 0; v < kVectors; ++v) {
      put(out + v * kVector, kFunction(operand<I32>(in, v)));
    }
  }
  template <I32 (*kFunction)(I32, I32)>
  static void both(const std::byte* in, std::byte* out) noexcept {
    for (std::size_t v = 0; v < kVectors; ++v) {
      put(out + v * kVector, kFunction(operand<I32>(in, v), operand<I32>(in, v + kVectors)));
    }
  }
  [[gnu::always_inline]] static I32 high_nibbles(I32 v) { return Simd::bits(v, 0x00F000F0); }
  [[gnu::always_inline]] static I32 other_signs(I32 v) {
    return Simd::flip(v, static_cast<std::int32_t>(0x80808080));
  }
  [[gnu::always_inline]] static I32 right_by_3(I32 v) { return Simd::right_by(v, 3); }
  static void widen_half(const std::byte* in, std::byte* out) noexcept {
    for (std::size_t v = 0; v < kVectors; ++v) {
      put(out + v * kVector, Simd::widen_half(operand<I32>(in, v)));
    }
  }
  static void store_even_odd(const std::byte* in, std::byte* out) noexcept {
    auto* to = reinterpret_cast<std::int16_t*>(out);
    for (std::size_t v = 0; v < kVectors; ++v) {
      Simd::store_even_odd(to + 2 * v * kLanes, Simd::as_i16(operand<I32>(in, v)));
    }
  }
  static void load_nibbles(const std::byte* in, std::byte* out) noexcept {
    put(out, Simd::load_nibbles(in));
  }
  template <int kShift, int kMask>
  static void part_of(const std::byte* in, std::byte* out) noexcept {
    put(out, Simd::part_of(Simd::load_bytes(in), kShift, kMask));
  }
  static void add_high(const std::byte* in, std::byte* out) noexcept {
    const auto low = Simd::part_of(Simd::load_bytes(in), 0, 15);
    put(out, Simd::add_high(low, Simd::part_of(Simd::load_bytes(in + kCodes), 2, 3)));
  }
  static void subtract(const std::byte* in, std::byte* out) noexcept {
    put(out, Simd::subtract(Simd::load_bytes(in), 32));
  }
  static void widen_codes(const std::byte* in, std::byte* out) noexcept {
    I16 codes[kCodeVectors];
    Simd::widen_codes(Simd::load_bytes(in), codes);
    for (std::size_t v = 0; v < kCodeVectors; ++v) {
      Simd::store_i32(reinterpret_cast<std::int32_t*>(out) + v * kLanes, Simd::as_i32(codes[v]));
    }
  }
  static void scale_codes(const std::byte* in, std::byte* out) noexcept {
    I16 codes[kCodeVectors];
    for (std::size_t v = 0; v < kCodeVectors; ++v) {
      codes[v] = Simd::load_i16(at<std::int16_t>(in) + 2 * v * kLanes);
    }
    const auto* scales = at<std::int16_t>(in + 2 * kCodes);
    const auto twice = [](std::int16_t scale) __attribute__((always_inline)) {
      return static_cast<std::int32_t>((static_cast<std::uint32_t>(scale) & 0xFFFFU) * 0x10001U);
    };
    Simd::scale_codes(codes, twice(scales[0]), twice(scales[1]));
    put(out, codes);
  }

  static constexpr auto kFloats = Primitive::In::kFloats;
  static constexpr auto kBits = Primitive::Out::kBits;

  static constexpr Primitive kAll[] = {
      {"dot_i16", kFloats, 3 * 64, kBits, 64, dot_i16},
      {"dot_pair", kFloats, 64 + 4, kBits, 64, dot_pair},
      {"store_i16", Primitive::In::kWholeNumbers, 64, kBits, 32, store_i16},
      {"to_f32", kFloats, 64, kBits, 64, to_f32},
      {"transpose", kFloats, 16 * 64, kBits, 16 * 64, transpose},
      {"load_quads", kFloats, 16 * 32, kBits, 4 * 64, load_quads<0>},
      {"load_quads, unaligned", kFloats, 16 * 32, kBits, 4 * 64, load_quads<7>},
      {"store_quads", kFloats, 4 * 64, kBits, 16 * 16, store_quads},
      {"bits", kFloats, 64, kBits, 64, each<high_nibbles>},
      {"flip", kFloats, 64, kBits, 64, each<other_signs>},
      {"either", kFloats, 2 * 64, kBits, 64, both<Simd::either>},
      {"add_i32", kFloats, 2 * 64, kBits, 64, both<Simd::add_i32>},
      {"mul_i32", kFloats, 2 * 64, kBits, 64, both<Simd::mul_i32>},
      {"right_by", kFloats, 64, kBits, 64, each<right_by_3>},
      {"right_u32", kFloats, 64, kBits, 64, each<Simd::template right_u32<24>>},
      {"right_i32", kFloats, 64, kBits, 64, each<Simd::template right_i32<8>>},
      {"left_i32", kFloats, 64, kBits, 64, each<Simd::template left_i32<16>>},
      {"right_u16", kFloats, 64, kBits, 64, each<Simd::template right_u16<12>>},
      {"widen_half", kFloats, 64, Primitive::Out::kFloats, 64, widen_half},
      {"store_even_odd", kFloats, 64, kBits, 64, store_even_odd},
      {"load_nibbles", kFloats, 16, kBits, 32, load_nibbles},
      {"part_of, the low halves", kFloats, 32, kBits, 32, part_of<0, 15>},
      {"part_of, the high halves", kFloats, 32, kBits, 32, part_of<4, 15>},
      {"part_of, two bits", kFloats, 32, kBits, 32, part_of<6, 3>},
      {"part_of, a bit", kFloats, 32, kBits, 32, part_of<7, 1>},
      {"add_high", kFloats, 64, kBits, 32, add_high},
      {"subtract", kFloats, 32, kBits, 32, subtract},
      {"widen_codes", kFloats, 32, kBits, 64, widen_codes},
      {"scale_codes", kFloats, 64 + 4, kBits, 64, scale_codes},
  };
};

}  // namespace bora::kernels
