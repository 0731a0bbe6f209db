#include "kernels/cpu/generic/table.h"

#include "kernels/cpu/avx512_bf16/parts.h"
#include "kernels/cpu/avx512_bf16/simd.h"
#include "kernels/cpu/tables.h"

namespace bora::kernels::avx512_bf16 {

constexpr CpuKernels kTable = generic::make_table<Simd, Parts, true>("avx512_bf16");

}  // namespace bora::kernels::avx512_bf16
