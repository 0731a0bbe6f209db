// probe_linear() of a table with tiles: the products of a step of linear_tiles_bf16.h, of tiles
// that are loaded already, and a tile of linear_tiles_int8.h and linear_tiles_codes.h, where
// storing totals takes as long as their products.
#pragma once

#include "kernels/cpu/generic/linear_tiles.h"
#include "kernels/cpu/generic/probe.h"

namespace bora::kernels::generic {

template <class Tiles>
ProbeResult probe_pair_tiles(std::size_t turns) noexcept {
  alignas(64) std::uint16_t ones[kTileBytes / sizeof(std::uint16_t)];
  for (std::uint16_t& one : ones) one = 0x3F80;  // bf16
  alignas(64) float sums[kTileFloats];
  Tiles tiles(tile_shapes(kTileTokens16, kTileRowBytes));
  clear_tiles(tiles, std::make_index_sequence<4>());
  tiles.template load<4>(ones, kTileRowBytes);
  tiles.template load<5>(ones, kTileRowBytes);
  tiles.template load<6>(ones, kTileRowBytes);
  tiles.template load<7>(ones, kTileRowBytes);
  for (std::size_t turn = 0; turn < turns; ++turn) {
    tiles.template dot_bf16<0, 4, 6>();
    tiles.template dot_bf16<1, 4, 7>();
    tiles.template dot_bf16<2, 5, 6>();
    tiles.template dot_bf16<3, 5, 7>();
  }
  tiles.template store<0>(sums, kTileRowBytes);
  const double products = static_cast<double>(turns * 4 * kPairBlock) * kTileRows16 * kTileTokens16;
  return {2.0 * products, sums[0]};
}

// A group of 256 values of sixteen rows and as many tokens, that lie in the first cache: products,
// and what is made of the totals.
template <class Simd, class Tiles, class Kernel>
ProbeResult probe_quantized_tiles(std::size_t turns) noexcept {
  UnpackedRows<Kernel> rows = {};
  typename Kernel::Totals totals;
  alignas(64)
      const std::byte codes[tiles_group_bytes(Kernel::kForm, kGroupValues, kTileTokens16)] = {};
  const float ones[kGroupParts] = {1.0F};
  alignas(64) float sums[kTileTokens16][kTileRows16] = {};
  const TokenGroup tokens{codes, kTileTokens16, kTileTokens16, ones, ones, 0};
  Tiles tiles(Kernel::shapes(kTileTokens16));
  for (std::size_t turn = 0; turn < turns; ++turn) {
    Kernel::multiply(tiles, rows.codes, tokens, kGroupValues, totals);
    add_tile_totals<Simd>(totals, rows, tokens, false, kGroupValues, sums);
  }
  const double products = static_cast<double>(turns * kGroupValues) * kTileRows16 * kTileTokens16;
  return {2.0 * products, sums[0][0]};
}

template <class Simd, class Tiles, DType kWeights>
consteval LinearProbe tile_probe_of() {
  if constexpr (kWeights == DType::kBF16) {
    return probe_pair_tiles<Tiles>;
  } else if constexpr (info(kWeights).block_values == 1) {
    return linear_probe_of<Simd, true, kWeights>();
  } else {
    return probe_quantized_tiles<Simd, Tiles, QuantizedTiles<kWeights>>;
  }
}

template <class Simd, class Tiles, std::size_t... kIndex>
[[gnu::always_inline]] inline ProbeResult dispatch_tile_probe(
    DType weights, std::size_t turns, std::index_sequence<kIndex...> /*types*/) {
  static constexpr LinearProbe kByType[] = {tile_probe_of<Simd, Tiles, kDTypes[kIndex].dtype>()...};
  return kByType[static_cast<std::size_t>(weights)](turns);
}

template <class Simd, class Tiles>
ProbeResult probe_linear_tiles(DType weights, std::size_t turns) noexcept {
  return dispatch_tile_probe<Simd, Tiles>(weights, turns,
                                          std::make_index_sequence<kDTypes.size()>());
}

}  // namespace bora::kernels::generic
