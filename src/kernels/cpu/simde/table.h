// The tables of the AVX-512 kernels over SIMDe, for tests: no user can select them.
#pragma once

#include "kernels/cpu/cpu_kernels.h"

namespace bora::kernels::simde {

extern const CpuKernels kTable;      // ComputeType::kF32
extern const CpuKernels kAutoTable;  // ComputeType::kAuto

}  // namespace bora::kernels::simde
