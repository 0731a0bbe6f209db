#include "kernels/cpu/generic/table.h"

#include "kernels/cpu/amx/parts.h"
#include "kernels/cpu/amx/simd.h"
#include "kernels/cpu/amx/tiles.h"
#include "kernels/cpu/generic/probe_tiles.h"
#include "kernels/cpu/tables.h"

namespace bora::kernels::amx {

constexpr CpuKernels kTable = [] {
  CpuKernels table = generic::make_table<Simd, Parts, true>("amx");
  table.probe_linear = generic::probe_linear_tiles<Simd, Tiles>;
  return table;
}();

}  // namespace bora::kernels::amx
