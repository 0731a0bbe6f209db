#include "kernels/cpu/generic/table.h"

#include "kernels/cpu/simde/parts.h"
#include "kernels/cpu/simde/simd.h"
#include "kernels/cpu/simde/table.h"

namespace bora::kernels::simde {

constexpr CpuKernels kTable = generic::make_table<Simd, Parts>("avx512 over SIMDe");
constexpr CpuKernels kAutoTable = generic::make_table<Simd, Parts, true>("avx512 over SIMDe");

}  // namespace bora::kernels::simde
