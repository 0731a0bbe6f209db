// The GGUF block types as they lie in a file: 32 values of a row, or a super-block of 256 in eight
// parts of 32, little-endian, no padding. Source: ggml's format notes,
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, and, for the super-blocks, the layouts
// in https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h
//
//   q8_0: value[i] = scale * quants[i]
//         | scale f16 | quants 32 x int8 |                                             34 bytes
//   q4_0: value[i] = scale * (nibble(i) - 8)
//         | scale f16 | nibbles 16 bytes |                                             18 bytes
//   q4_1: value[i] = scale * nibble(i) + minimum
//         | scale f16 | minimum f16 | nibbles 16 bytes |                               20 bytes
//   nibble(i) = low half of byte i for i < 16, high half of byte i - 16 otherwise.
//
//   q4_k: value[p, i] = scale * scales[p] * code(p, i) - minimum * minima[p], code = nibble(p, i)
//         | scale f16 | minimum f16 | scales and minima 12 bytes | nibbles 128 bytes |  144 bytes
//   q5_k: the same with code = nibble(p, i) + 16 * bit p of high_bits[i]
//         | scale f16 | minimum f16 | scales and minima 12 bytes | high bits 32 bytes |
//         | nibbles 128 bytes |                                                        176 bytes
//   nibble(p, i) = low (p even) or high (p odd) half of byte 32 * (p / 2) + i.
//   scales[p] and minima[p], 6 bits each, of the 12 bytes b, for j = p % 4: in the first four parts
//   the low 6 bits of b[j] and of b[4 + j]; in the last four the low and the high half of b[8 + j],
//   above which come the upper 2 bits of b[j] and of b[4 + j].
//
//   q6_k: value[p, i] = scale * scales[2p + i / 16] * (code(p, i) - 32)
//         | low halves 128 bytes | high bits 64 bytes | scales 16 x int8 | scale f16 | 210 bytes
//   with h = p / 4 and j = p % 4: the low 4 bits of code are the low (j < 2) or high half of byte
//   64 * h + 32 * (j % 2) + i, its high 2 bits are bits 2j and 2j + 1 of byte 32 * h + i.
#pragma once

#include "base/float16.h"

#include <array>
#include <cstdint>

namespace bora {

inline constexpr int kBlockValues = 32;
inline constexpr int kSuperBlockValues = 256;

struct BlockQ8_0 {
  F16 scale;
  std::array<std::int8_t, 32> quants{};
};
static_assert(sizeof(BlockQ8_0) == 34);

struct BlockQ4_0 {
  F16 scale;
  std::array<std::uint8_t, 16> nibbles{};
};
static_assert(sizeof(BlockQ4_0) == 18);

struct BlockQ4_1 {
  F16 scale;
  F16 minimum;
  std::array<std::uint8_t, 16> nibbles{};
};
static_assert(sizeof(BlockQ4_1) == 20);

struct BlockQ4K {
  F16 scale;
  F16 minimum;
  std::array<std::uint8_t, 12> scales_and_minima{};
  std::array<std::uint8_t, 128> nibbles{};
};
static_assert(sizeof(BlockQ4K) == 144);

struct BlockQ5K {
  F16 scale;
  F16 minimum;
  std::array<std::uint8_t, 12> scales_and_minima{};
  std::array<std::uint8_t, 32> high_bits{};
  std::array<std::uint8_t, 128> nibbles{};
};
static_assert(sizeof(BlockQ5K) == 176);

struct BlockQ6K {
  std::array<std::uint8_t, 128> nibbles{};
  std::array<std::uint8_t, 64> high_bits{};
  std::array<std::int8_t, 16> scales{};
  F16 scale;
};
static_assert(sizeof(BlockQ6K) == 210);

}  // namespace bora
