// The GGUF block types as they lie in a file: 32 values of a row, little-endian, no padding.
// Source: ggml's format notes, https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
//
//   q8_0: value[i] = scale * quants[i]
//         | scale f16 | quants 32 x int8 |                                             34 bytes
//   q4_0: value[i] = scale * (nibble(i) - 8)
//         | scale f16 | nibbles 16 bytes |                                             18 bytes
//   q4_1: value[i] = scale * nibble(i) + minimum
//         | scale f16 | minimum f16 | nibbles 16 bytes |                               20 bytes
//   nibble(i) = low half of byte i for i < 16, high half of byte i - 16 otherwise.
#pragma once

#include "base/float16.h"

#include <array>
#include <cstdint>

namespace bora {

inline constexpr int kBlockValues = 32;

struct BlockQ8_0 {
  F16 scale;
  std::array<std::int8_t, 32> quants;
};
static_assert(sizeof(BlockQ8_0) == 34);

struct BlockQ4_0 {
  F16 scale;
  std::array<std::uint8_t, 16> nibbles;
};
static_assert(sizeof(BlockQ4_0) == 18);

struct BlockQ4_1 {
  F16 scale;
  F16 minimum;
  std::array<std::uint8_t, 16> nibbles;
};
static_assert(sizeof(BlockQ4_1) == 20);

}  // namespace bora
