// Activations as instructions on tiles want them (AMX): sixteen tokens side by side.
//
// A tile is 16 rows of 64 bytes; its row holds, for each token of a group of `columns` tokens, four
// bytes: two bf16 or four int8, consecutive in k. Groups follow each other. A batch of fewer than
// 16 tokens is one group with as many columns; in one of more, all groups have 16, and the columns
// beyond the last token are zeros, as are values beyond in_features.
//
//   pairs      for bf16 weights: x rounded to bf16, to nearest even, subnormals to zero.
//              A group: [blocks of 32 values][16 rows][columns][2]
//   integers   for quantized weights: the codes c of kernels/activations.h as c = 256 high + low,
//              high signed, low in [0, 256).
//              A group: [blocks of 64 values][high, low][16 rows][columns][4]
//                       | scales f32 [groups of 256 values][16] | sums f32 [blocks of 32
//                       values][16]
#pragma once

#include "kernels/activations.h"

#include <cstddef>

namespace bora::kernels {

inline constexpr std::size_t kTileRows16 = 16;
inline constexpr std::size_t kTileRowBytes = 64;
inline constexpr std::size_t kTileTokens16 = 16;
inline constexpr std::size_t kPairBlock = 32;
inline constexpr std::size_t kIntegerBlock = 64;
// Fewer tokens than this are no work for tiles of integers: unpacking rows takes the time of some.
inline constexpr std::size_t kIntegerTileTokens = 5;

constexpr std::size_t tile_columns(std::size_t tokens) {
  return tokens < kTileTokens16 ? tokens : kTileTokens16;
}
constexpr std::size_t tile_groups(std::size_t tokens) {
  return (tokens + kTileTokens16 - 1) / kTileTokens16;
}

// Bytes of a group.
constexpr std::size_t pair_group_bytes(std::size_t in_features, std::size_t columns) {
  return (in_features + kPairBlock - 1) / kPairBlock * kTileRowBytes * columns;
}
constexpr std::size_t integer_scales_offset(std::size_t in_features, std::size_t columns) {
  return (in_features + kIntegerBlock - 1) / kIntegerBlock * 2 * kTileRowBytes * columns;
}
constexpr std::size_t integer_sums_offset(std::size_t in_features, std::size_t columns) {
  const std::size_t groups = (in_features + kGroupValues - 1) / kGroupValues;
  return integer_scales_offset(in_features, columns) + groups * kTileRowBytes;
}
constexpr std::size_t integer_group_bytes(std::size_t in_features, std::size_t columns) {
  return integer_sums_offset(in_features, columns) + in_features / 32 * kTileRowBytes;
}

struct TileActivationsArgs {
  const float* x;            // [tokens, in_features], for pairs
  const std::byte* rounded;  // as round_activations() gives it, for integers; nullptr: pairs
  std::size_t tokens;        //
  std::size_t columns;       // of a group: 16, or all tokens where the batch has fewer
  std::size_t in_features;   // for integers a whole number of 32
  std::byte* out;            // whole groups, aligned to 64
};

}  // namespace bora::kernels
