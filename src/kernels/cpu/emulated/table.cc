#include "kernels/cpu/generic/table.h"

#include "kernels/cpu/emulated/bf16_parts.h"
#include "kernels/cpu/emulated/bf16_simd.h"
#include "kernels/cpu/emulated/parts.h"
#include "kernels/cpu/emulated/simd.h"
#include "kernels/cpu/emulated/table.h"
#include "kernels/cpu/emulated/tile_parts.h"
#include "kernels/cpu/emulated/tile_simd.h"
#include "kernels/cpu/emulated/tiles.h"
#include "kernels/cpu/generic/probe_tiles.h"

namespace bora::kernels::emulated {

constexpr CpuKernels kTable = generic::make_table<Simd, Parts>("avx512 emulated");
constexpr CpuKernels kAutoTable = generic::make_table<Simd, Parts, true>("avx512 emulated");
constexpr CpuKernels kBf16Table =
    generic::make_table<Bf16Simd, Bf16Parts, true>("avx512_bf16 emulated");
constexpr CpuKernels kTileTable = [] {
  CpuKernels table = generic::make_table<TileSimd, TileParts, true>("amx emulated");
  table.probe_linear = generic::probe_linear_tiles<TileSimd, Tiles>;
  return table;
}();

}  // namespace bora::kernels::emulated
