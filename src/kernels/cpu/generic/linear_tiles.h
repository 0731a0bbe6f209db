// linear() of quantized weights and several tokens by products of tiles (tile_passes.h).
#pragma once

#include "kernels/cpu/generic/linear_tiles_codes.h"
#include "kernels/cpu/generic/linear_tiles_int8.h"

#include <type_traits>

namespace bora::kernels::generic {

template <DType kType>
using QuantizedTiles =
    std::conditional_t<tile_form(kType) == TileForm::kCodes, CodeTiles<kType>, ByteTiles<kType>>;

template <class Simd, class Tiles, DType kType>
void linear_tiles(const LinearArgs& args) noexcept {
  linear_by_tiles<Simd, Tiles, QuantizedTiles<kType>>(args);
}

}  // namespace bora::kernels::generic
