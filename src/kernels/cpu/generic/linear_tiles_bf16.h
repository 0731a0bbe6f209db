// linear() of bf16 weights by products of tiles (kernels/linear.h): sixteen rows of weights are the
// first operand, as they lie in the file; sixteen tokens are the second.
//
// Up to 16 tokens: sixteen rows over all of k. More: a panel of rows is copied to whole tiles once
// for a block of k and used for all tokens; their partial sums wait in the workspace between blocks
// of k. Both add the same products in the same order.
#pragma once

#include "kernels/cpu/generic/tiles.h"

namespace bora::kernels::generic {

inline constexpr std::size_t kTilePanelRows = 32;
inline constexpr std::size_t kTilePanelValues = 512;
inline constexpr std::size_t kTilePanelBlocks = kTilePanelValues / kPairBlock;
// Sixteen rows of weights: the tile at a block of k, and `step` bytes further that of the next.
struct TileRows {
  const std::byte* at;
  std::size_t stride;
  std::size_t step;
};

// Activations: of the first group, as it continues with k, and how far the next group lies.
struct TileTokens {
  const std::byte* at;
  std::size_t columns;
  std::size_t group_bytes;

  [[gnu::always_inline]] TileTokens from_block(std::size_t block) const {
    return {at + block * kTileRowBytes * columns, columns, group_bytes};
  }
};

template <class Tiles, std::size_t kTokenGroups, std::size_t kRow, std::size_t... kToken>
[[gnu::always_inline]] inline void multiply_tile(Tiles& tiles, const TileRows& rows,
                                                 std::size_t block,
                                                 std::index_sequence<kToken...> /*tokens*/) {
  tiles.template load<4 + kRow % 2>(rows.at + block * rows.step, rows.stride);
  (tiles.template dot_bf16<kRow * kTokenGroups + kToken, 4 + kRow % 2, 6 + kToken>(), ...);
}

template <class Tiles, std::size_t... kToken>
[[gnu::always_inline]] inline void load_tokens(Tiles& tiles, const TileTokens& tokens,
                                               std::size_t block,
                                               std::index_sequence<kToken...> /*tokens*/) {
  const std::byte* at = tokens.from_block(block).at;
  (tiles.template load<6 + kToken>(at + kToken * tokens.group_bytes, 4 * tokens.columns), ...);
}

// Adds `blocks` blocks of k to the sums in tiles 0 to kRowGroups * kTokenGroups - 1. With `ahead`,
// also fetches what lies that many bytes further in each row.
template <class Tiles, std::size_t kTokenGroups, std::size_t... kRow>
[[gnu::always_inline]] inline void multiply_tiles(Tiles& tiles,
                                                  const TileRows (&rows)[sizeof...(kRow)],
                                                  const TileTokens& tokens, std::size_t blocks,
                                                  std::size_t ahead,
                                                  std::index_sequence<kRow...> /*rows*/) {
  constexpr std::make_index_sequence<kTokenGroups> kTokens;
  for (std::size_t block = 0; block < blocks; ++block) {
    if (ahead > 0) {
      for (const TileRows& some : rows) {
        for (std::size_t r = 0; r < kTileRows16; ++r) {
          __builtin_prefetch(some.at + block * some.step + r * some.stride + ahead, 0, 2);
        }
      }
    }
    load_tokens(tiles, tokens, block, kTokens);
    (multiply_tile<Tiles, kTokenGroups, kRow>(tiles, rows[kRow], block, kTokens), ...);
  }
}

// Row group r and token group t of the sums lie `row_floats` * r and kTileFloats * t further.
template <class Tiles, std::size_t kTokenGroups, std::size_t... kTile>
[[gnu::always_inline]] inline void load_tiles(Tiles& tiles, const float* sums,
                                              std::size_t row_floats,
                                              std::index_sequence<kTile...> /*c*/) {
  (tiles.template load<kTile>(
       sums + kTile / kTokenGroups * row_floats + kTile % kTokenGroups * kTileFloats,
       kTileRowBytes),
   ...);
}
template <class Tiles, std::size_t kTokenGroups, std::size_t... kTile>
[[gnu::always_inline]] inline void store_tiles(Tiles& tiles, float* sums, std::size_t row_floats,
                                               std::index_sequence<kTile...> /*c*/) {
  (tiles.template store<kTile>(
       sums + kTile / kTokenGroups * row_floats + kTile % kTokenGroups * kTileFloats,
       kTileRowBytes),
   ...);
}

// Copies the values [k, k + values) of kTileRows16 rows to whole tiles, one a block of k: where
// fewer than `rows` are left the last again, zeros beyond `values`.
template <class Tiles>
void pack_rows(const LinearArgs& args, std::size_t row, std::size_t rows, std::size_t k,
               std::size_t values, std::byte* to) {
  for (std::size_t r = 0; r < kTileRows16; ++r) {
    const std::size_t from_row = row + (r < rows ? r : rows - 1);
    const std::byte* from = args.weight + from_row * args.weight_stride + 2 * k;
    std::byte* out = to + r * kTileRowBytes;
    std::size_t v = 0;
    for (; v + kPairBlock <= values; v += kPairBlock, out += kTileBytes) {
      // The row of the next panel, at the same k.
      __builtin_prefetch(from + 2 * v + kTilePanelRows * args.weight_stride, 0, 2);
      __builtin_memcpy(out, from + 2 * v, kTileRowBytes);
    }
    if (v < values) {
      __builtin_memset(out, 0, kTileRowBytes);
      __builtin_memcpy(out, from + 2 * v, 2 * (values - v));
    }
  }
}

// The workspace.
struct TilePass {
  alignas(64) std::byte weights[kTilePanelRows / kTileRows16][kTilePanelBlocks][kTileBytes];
  alignas(64) float sums[kTilePassRows / kTileRows16][kTilePassTokens / kTileTokens16][kTileFloats];
};

// Up to 16 tokens and as many rows from `row` on, of which `rows` are wanted. More rows at once
// would be more streams than the memory serves well.
template <class Simd, class Tiles>
void tile_few(const LinearArgs& args, Tiles& tiles, TilePass& pass, std::size_t row,
              std::size_t rows) {
  constexpr std::index_sequence<0> kOne;
  const TileTokens tokens{args.tiles, args.tokens, 0};
  // Whole tiles of whole rows are read where they lie.
  const std::size_t direct = rows == kTileRows16 ? args.in_features / kPairBlock : 0;
  TileRows from[1] = {{args.weight + row * args.weight_stride, args.weight_stride, kTileRowBytes}};
  clear_tiles(tiles, kOne);
  // The last kPrefetchBytes of the rows fetch the beginning of the next tile's.
  constexpr std::size_t kAheadBlocks = kPrefetchBytes / kTileRowBytes;
  const std::size_t split = direct > kAheadBlocks ? direct - kAheadBlocks : 0;
  multiply_tiles<Tiles, 1>(tiles, from, tokens, split, kPrefetchBytes, kOne);
  from[0].at += split * kTileRowBytes;
  multiply_tiles<Tiles, 1>(tiles, from, tokens.from_block(split), direct - split,
                           kPrefetchBytes + (kTileRows16 - 1) * args.weight_stride, kOne);
  for (std::size_t k = direct * kPairBlock; k < args.in_features; k += kTilePanelValues) {
    const std::size_t left = args.in_features - k;
    const std::size_t values = left < kTilePanelValues ? left : kTilePanelValues;
    pack_rows<Tiles>(args, row, rows, k, values, pass.weights[0][0]);
    from[0] = {pass.weights[0][0], kTileRowBytes, kTileBytes};
    multiply_tiles<Tiles, 1>(tiles, from, tokens.from_block(k / kPairBlock),
                             (values + kPairBlock - 1) / kPairBlock, 0, kOne);
  }
  store_tiles<Tiles, 1>(tiles, pass.sums[0][0], kTileFloats, kOne);
  finish_tile<Simd>(args, row, rows, 0, args.tokens, pass.sums[0][0]);
}

// A panel of rows at a block of k, already in tiles, for kTokenGroups groups of tokens.
template <class Tiles, std::size_t kTokenGroups>
[[gnu::always_inline]] inline void tile_panel(Tiles& tiles, TilePass& pass, float* sums,
                                              const TileTokens& tokens, std::size_t k,
                                              std::size_t blocks) {
  constexpr std::size_t kRowFloats = sizeof(pass.sums[0]) / sizeof(float);
  constexpr std::make_index_sequence<2 * kTokenGroups> kSums;
  if (k == 0) {
    clear_tiles(tiles, kSums);
  } else {
    load_tiles<Tiles, kTokenGroups>(tiles, sums, kRowFloats, kSums);
  }
  const TileRows from[2] = {{pass.weights[0][0], kTileRowBytes, kTileBytes},
                            {pass.weights[1][0], kTileRowBytes, kTileBytes}};
  multiply_tiles<Tiles, kTokenGroups>(tiles, from, tokens, blocks, 0,
                                      std::make_index_sequence<2>());
  store_tiles<Tiles, kTokenGroups>(tiles, sums, kRowFloats, kSums);
}

// The rows [row, row + rows), at most kTilePassRows, and the groups [first, first + groups).
template <class Simd, class Tiles>
void tile_pass(const LinearArgs& args, Tiles& tiles, TilePass& pass, std::size_t row,
               std::size_t rows, std::size_t first, std::size_t groups) {
  const std::size_t group_bytes =
      tiles_group_bytes(TileForm::kPairs, args.in_features, kTileTokens16);
  for (std::size_t k = 0; k < args.in_features; k += kTilePanelValues) {
    const std::size_t left = args.in_features - k;
    const std::size_t values = left < kTilePanelValues ? left : kTilePanelValues;
    const std::size_t blocks = (values + kPairBlock - 1) / kPairBlock;
    for (std::size_t r = 0; r < rows; r += kTilePanelRows) {
      for (std::size_t g = 0; g < 2; ++g) {
        const std::size_t at = r + g * kTileRows16 < rows ? r + g * kTileRows16 : rows - 1;
        pack_rows<Tiles>(args, row + at, rows - at, k, values, pass.weights[g][0]);
      }
      TileTokens tokens{args.tiles + first * group_bytes + k / kPairBlock * kTileBytes,
                        kTileTokens16, group_bytes};
      float* sums = pass.sums[r / kTileRows16][0];
      std::size_t group = 0;
      for (; group + 2 <= groups; group += 2, tokens.at += 2 * group_bytes) {
        tile_panel<Tiles, 2>(tiles, pass, sums + group * kTileFloats, tokens, k, blocks);
      }
      if (group < groups) {
        tile_panel<Tiles, 1>(tiles, pass, sums + group * kTileFloats, tokens, k, blocks);
      }
    }
  }
  for (std::size_t r = 0; r < rows; r += kTileRows16) {
    for (std::size_t group = 0; group < groups; ++group) {
      const std::size_t token = (first + group) * kTileTokens16;
      finish_tile<Simd>(args, row + r, tile_rows(rows - r), token,
                        tile_columns(args.tokens - token), pass.sums[r / kTileRows16][group]);
    }
  }
}

template <class Simd, class Tiles>
void linear_tiles_bf16(const LinearArgs& args) noexcept {
  static_assert(sizeof(TilePass) <= kLinearWorkspaceBytes);
  auto& pass = *reinterpret_cast<TilePass*>(args.workspace);
  Tiles tiles(tile_shapes(tile_columns(args.tokens), kTileRowBytes));
  if (args.tokens <= kTileTokens16) {
    for (std::size_t row = 0; row < args.rows; row += kTileRows16) {
      tile_few<Simd>(args, tiles, pass, row, tile_rows(args.rows - row));
    }
    return;
  }
  const std::size_t groups = tile_groups(args.tokens);
  constexpr std::size_t kPassGroups = kTilePassTokens / kTileTokens16;
  for (std::size_t first = 0; first < groups; first += kPassGroups) {
    const std::size_t some = groups - first < kPassGroups ? groups - first : kPassGroups;
    for (std::size_t row = 0; row < args.rows; row += kTilePassRows) {
      const std::size_t left = args.rows - row;
      tile_pass<Simd>(args, tiles, pass, row, left < kTilePassRows ? left : kTilePassRows, first,
                      some);
    }
  }
}

}  // namespace bora::kernels::generic
