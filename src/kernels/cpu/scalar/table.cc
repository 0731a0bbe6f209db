#include "kernels/cpu/generic/table.h"

#include "kernels/cpu/scalar/parts.h"
#include "kernels/cpu/scalar/simd.h"
#include "kernels/cpu/tables.h"

namespace bora::kernels::scalar {

constexpr CpuKernels kFusedTable = generic::make_table<Simd<true>, FusedParts>("scalar");
constexpr CpuKernels kFastTable = generic::make_table<Simd<false>, FastParts, true>("scalar");

}  // namespace bora::kernels::scalar
