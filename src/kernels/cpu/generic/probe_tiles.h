// probe_linear() of a table with tiles: the products of a step of linear_tiles_bf16.h and
// linear_tiles_int8.h, of tiles that are loaded already.
#pragma once

#include "kernels/cpu/generic/linear_tiles_int8.h"
#include "kernels/cpu/generic/probe.h"

namespace bora::kernels::generic {

// A probe with eight tiles of ones; multiply() does a turn's products, of as many values of 16 rows
// and 16 tokens.
template <class Tiles, class Multiply>
[[gnu::always_inline]] inline ProbeResult probe_tiles(std::size_t weight_bytes, std::size_t values,
                                                      std::size_t turns, const Multiply& multiply) {
  alignas(64) std::uint16_t ones[kTileBytes / sizeof(std::uint16_t)];
  for (std::uint16_t& one : ones) one = 0x3F80;  // bf16, or two bytes
  alignas(64) float sums[kTileFloats];
  Tiles tiles(tile_shapes(kTileTokens16, weight_bytes));
  clear_tiles(tiles, std::make_index_sequence<4>());
  tiles.template load<4>(ones, weight_bytes);
  tiles.template load<5>(ones, weight_bytes);
  tiles.template load<6>(ones, kTileRowBytes);
  tiles.template load<7>(ones, kTileRowBytes);
  for (std::size_t turn = 0; turn < turns; ++turn) multiply(tiles);
  tiles.template store<0>(sums, kTileRowBytes);
  const double products = static_cast<double>(turns * values) * kTileRows16 * kTileTokens16;
  return {2.0 * products, sums[0]};
}

template <class Tiles>
ProbeResult probe_pair_tiles(std::size_t turns) noexcept {
  return probe_tiles<Tiles>(kTileRowBytes, 4 * kPairBlock, turns, [](Tiles& tiles) {
    tiles.template dot_bf16<0, 4, 6>();
    tiles.template dot_bf16<1, 4, 7>();
    tiles.template dot_bf16<2, 5, 6>();
    tiles.template dot_bf16<3, 5, 7>();
  });
}

template <class Tiles, class Stored>
ProbeResult probe_integer_tiles(std::size_t turns) noexcept {
  constexpr std::size_t kValues = kIntegerTileValues<Stored>;
  return probe_tiles<Tiles>(kValues, kValues, turns, [](Tiles& tiles) {
    tiles.template dot_ss<0, 4, 6>();
    if constexpr (kOneByte<Stored>) {
      tiles.template dot_su<1, 4, 7>();
    } else {
      tiles.template dot_su<2, 4, 7>();
      tiles.template dot_us<2, 5, 6>();
      tiles.template dot_uu<1, 5, 7>();
    }
  });
}

template <class Simd, class Tiles, DType kWeights>
consteval LinearProbe tile_probe_of() {
  if constexpr (info(kWeights).block_values > 1) {
    return probe_integer_tiles<Tiles, CodeFormat<kWeights>>;
  } else if constexpr (kWeights == DType::kBF16) {
    return probe_pair_tiles<Tiles>;
  } else {
    return linear_probe_of<Simd, true, kWeights>();
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
