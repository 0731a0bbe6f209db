#include "kernels/cpu/generic/linear_tiles_bf16.h"

#include "kernels/cpu/emulated/tile_parts.h"
#include "kernels/cpu/emulated/tile_simd.h"
#include "kernels/cpu/emulated/tiles.h"

namespace bora::kernels::emulated {

void TileParts::linear_bf16(const LinearArgs& args) noexcept {
  generic::linear_tiles_bf16<TileSimd, Tiles>(args);
}

}  // namespace bora::kernels::emulated
