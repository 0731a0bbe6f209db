#include "kernels/cpu/generic/table.h"

#include "kernels/cpu/avx2/parts.h"
#include "kernels/cpu/avx2/simd.h"
#include "kernels/cpu/tables.h"

namespace bora::kernels::avx2 {

constexpr CpuKernels kTable = generic::make_table<Simd, Parts>("avx2");
constexpr CpuKernels kAutoTable = generic::make_table<Simd, Parts, true>("avx2");

}  // namespace bora::kernels::avx2
