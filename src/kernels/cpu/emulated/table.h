// The tables of the emulated AVX-512 and AMX kernels, for tests: no user can select them.
#pragma once

#include "kernels/cpu/cpu_kernels.h"

namespace bora::kernels::emulated {

extern const CpuKernels kTable;      // of avx512, ComputeType::kF32
extern const CpuKernels kAutoTable;  // of avx512, ComputeType::kAuto
extern const CpuKernels kBf16Table;  // of avx512_bf16
extern const CpuKernels kTileTable;  // of amx

}  // namespace bora::kernels::emulated
