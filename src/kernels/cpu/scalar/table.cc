#include "kernels/cpu/generic/table.h"

#include "kernels/cpu/scalar/simd.h"
#include "kernels/cpu/tables.h"

namespace bora::kernels::scalar {

constexpr CpuKernels kFusedTable = generic::make_table<Simd<true>>("scalar");
constexpr CpuKernels kFastTable = generic::make_table<Simd<false>>("scalar");

}  // namespace bora::kernels::scalar
