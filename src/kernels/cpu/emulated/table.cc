#include "kernels/cpu/generic/table.h"

#include "kernels/cpu/emulated/bf16_parts.h"
#include "kernels/cpu/emulated/bf16_simd.h"
#include "kernels/cpu/emulated/parts.h"
#include "kernels/cpu/emulated/simd.h"
#include "kernels/cpu/emulated/table.h"

namespace bora::kernels::emulated {

constexpr CpuKernels kTable = generic::make_table<Simd, Parts>("avx512 emulated");
constexpr CpuKernels kAutoTable = generic::make_table<Simd, Parts, true>("avx512 emulated");
constexpr CpuKernels kBf16Table =
    generic::make_table<Bf16Simd, Bf16Parts, true>("avx512_bf16 emulated");

}  // namespace bora::kernels::emulated
