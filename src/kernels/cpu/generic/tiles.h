// What the kernels on tiles ask of a wrapper of tile instructions: cpu/amx/tiles.h is the
// instructions', cpu/emulated/tiles.h an emulation in plain C++. And what these kernels share.
//
//   Tiles(shapes)          eight tiles of these shapes, for the life of the object
//   zero<T>()              tile T
//   load<T>(from, stride)  its rows, `stride` bytes apart, any alignment
//   store<T>(to, stride)
//   dot_bf16<C, A, B>()    c[m][n] += two sums over k of a[m][k] * b[k][n], the even values of each
//                          pair and the odd ones, each ascending in fused multiply-adds, then added
//                          to each other; subnormals of operands and results count as zero
//   dot_ss, dot_su, dot_us, dot_uu<C, A, B>()
//                          c[m][n] += sum over k of a[m][k] * b[k][n], of int32, a and b signed or
//                          unsigned bytes
//
// Of the vector wrapper, which has sixteen lanes, they ask beside what the kernels on vectors do:
//
//   as_f32(I32), as_bits(F32)         the same bits
//   lower_bytes, upper_bytes(I16)     of each int16, as Bytes
//   store_bytes(to, Bytes)            any alignment
//   join(upper, lower)                256 * upper + lower, of int32
//   scale_i16<n>(I32 v, I32 by)       of both int16 in each lane, v less n, times the other's
//
// Tiles 0 to 3 are sums, 4 and 5 rows of weights, 6 and 7 activations (kernels/activation_tiles.h);
// where tokens are the rows, 4 and 5 are activations, 6 and 7 weights.
#pragma once

#include "kernels/activation_tiles.h"
#include "kernels/cpu/generic/linear_int16.h"

#include <utility>

namespace bora::kernels::generic {

struct TileShape {
  std::uint8_t rows;
  std::uint16_t row_bytes;
};

// The shapes for activations of `columns` tokens and `values` bytes of a row of weights at once.
struct TileShapes {
  TileShape of[8];
};
constexpr TileShapes tile_shapes(std::size_t columns, std::size_t weight_bytes) {
  TileShapes shapes{};
  const auto width = static_cast<std::uint16_t>(4 * columns);
  for (int i = 0; i < 4; ++i) shapes.of[i] = {16, width};
  for (int i = 4; i < 6; ++i) shapes.of[i] = {16, static_cast<std::uint16_t>(weight_bytes)};
  for (int i = 6; i < 8; ++i) {
    shapes.of[i] = {static_cast<std::uint8_t>(weight_bytes / 4), width};
  }
  return shapes;
}

// The same where tokens are the rows of the first operand, `bytes` bytes of each at once, and rows
// of weights the columns of the second.
constexpr TileShapes token_tile_shapes(std::size_t tokens, std::size_t bytes) {
  TileShapes shapes{};
  const auto rows = static_cast<std::uint8_t>(tokens);
  for (int i = 0; i < 4; ++i) shapes.of[i] = {rows, kTileRowBytes};
  for (int i = 4; i < 6; ++i) shapes.of[i] = {rows, static_cast<std::uint16_t>(bytes)};
  for (int i = 6; i < 8; ++i) {
    shapes.of[i] = {static_cast<std::uint8_t>(bytes / 4), kTileRowBytes};
  }
  return shapes;
}

// Rows and tokens of a pass over the weights, whose sums wait in the workspace.
inline constexpr std::size_t kTilePassRows = 256;
inline constexpr std::size_t kTilePassTokens = 512;

// Of so many rows left, those of a tile.
constexpr std::size_t tile_rows(std::size_t rows) {
  return rows < kTileRows16 ? rows : kTileRows16;
}

// Sums of 16 rows and 16 tokens.
inline constexpr std::size_t kTileBytes = kTileRows16 * kTileRowBytes;
inline constexpr std::size_t kTileFloats = kTileBytes / sizeof(float);

template <class Tiles, std::size_t... kTile>
[[gnu::always_inline]] inline void clear_tiles(Tiles& tiles, std::index_sequence<kTile...> /*c*/) {
  (tiles.template zero<kTile>(), ...);
}

// The tile `sums` [16 rows][16 tokens] of the rows from `row` on, of which `rows` are wanted, and
// the tokens from `token` on, of which `tokens` are, to args.out.
template <class Simd>
void finish_tile(const LinearArgs& args, std::size_t row, std::size_t rows, std::size_t token,
                 std::size_t tokens, const float* sums) {
  typename Simd::I32 turned[16];
  for (std::size_t r = 0; r < 16; ++r) {
    turned[r] = Simd::load_i32(reinterpret_cast<const std::int32_t*>(sums) + 16 * r);
  }
  Simd::transpose(turned);
  for (std::size_t t = 0; t < tokens; ++t) {
    finish_rows<Simd>(args, row, 0, rows, token + t, Simd::as_f32(turned[t]));
  }
}

}  // namespace bora::kernels::generic
