// Activations as instructions on tiles want them (AMX): sixteen tokens together, a group. A batch
// of fewer than 16 tokens is one group of as many; in one of more, all groups have 16, and what is
// beyond the last token is zeros, as are values beyond in_features. `columns` is the tokens of a
// group.
//
// A tile is up to 16 rows of 64 bytes. For bf16 weights its row holds, for each token of a group,
// two bf16, consecutive in k; for quantized ones a row is a token's.
//
//   kPairs     for bf16 weights: x rounded to bf16, to nearest even, subnormals to zero.
//              [groups][blocks of 32 values][16 rows][columns][2]
//   kIntegers  for most quantized weights: the codes c of kernels/activations.h as c = 256 high +
//              low, bytes, high signed, low in [0, 256).
//              [groups of 256 values][groups][blocks of 64 values][high, low][columns][64]
//   kCodes     for q4_0 and q4_1: 256 high and low, of the same codes, as bf16, which is exact.
//              [groups of 256 values][groups][blocks of 32 values][256 high, low][columns][32]
#pragma once

#include "kernels/activations.h"
#include "tensor/dtype.h"

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

enum class TileForm { kPairs, kIntegers, kCodes };

// For weights that are bf16 or quantized.
constexpr TileForm tile_form(DType weight) {
  if (weight == DType::kBF16) return TileForm::kPairs;
  const bool unscaled = weight == DType::kQ4_0 || weight == DType::kQ4_1;
  return unscaled ? TileForm::kCodes : TileForm::kIntegers;
}

// Bytes of `values` values of a group: of a whole row, or of whole groups of 256.
constexpr std::size_t tiles_group_bytes(TileForm form, std::size_t values, std::size_t columns) {
  const std::size_t block = form == TileForm::kIntegers ? kIntegerBlock : kPairBlock;
  const std::size_t tiles = form == TileForm::kPairs ? 1 : 2;
  return (values + block - 1) / block * tiles * kTileRowBytes * columns;
}

// Where a group of tokens begins; but for kPairs, of the group of 256 values from k on, of which
// there are `values`.
constexpr std::size_t tiles_offset(TileForm form, std::size_t tokens, std::size_t group,
                                   std::size_t k, std::size_t values) {
  const std::size_t columns = tile_columns(tokens);
  return tile_groups(tokens) * tiles_group_bytes(form, k, columns) +
         group * tiles_group_bytes(form, values, columns);
}

// Bytes of all groups of a batch.
constexpr std::size_t tiles_bytes(TileForm form, std::size_t tokens, std::size_t in_features) {
  return tile_groups(tokens) * tiles_group_bytes(form, in_features, tile_columns(tokens));
}

struct TileActivationsArgs {
  TileForm form;
  const float* x;            // [tokens, in_features], for kPairs
  const std::byte* rounded;  // as round_activations() gives it, for the others
  std::size_t tokens;        // of the batch
  std::size_t first_group;   // only these groups of it are written
  std::size_t end_group;     //
  std::size_t in_features;   // but for kPairs a whole number of 32
  std::byte* out;            // tiles_bytes(), aligned to 64
};

}  // namespace bora::kernels
