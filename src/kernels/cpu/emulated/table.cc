#include "kernels/cpu/generic/table.h"

#include "kernels/cpu/emulated/parts.h"
#include "kernels/cpu/emulated/simd.h"
#include "kernels/cpu/emulated/table.h"

namespace bora::kernels::emulated {

constexpr CpuKernels kTable = generic::make_table<Simd, Parts>("avx512 emulated");

}  // namespace bora::kernels::emulated
