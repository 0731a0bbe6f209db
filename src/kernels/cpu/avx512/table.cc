#include "kernels/cpu/generic/table.h"

#include "kernels/cpu/avx512/parts.h"
#include "kernels/cpu/avx512/simd.h"
#include "kernels/cpu/tables.h"

namespace bora::kernels::avx512 {

constexpr CpuKernels kTable = generic::make_table<Simd, Parts>("avx512");
constexpr CpuKernels kAutoTable = generic::make_table<Simd, Parts, true>("avx512");

}  // namespace bora::kernels::avx512
