// The table of the AVX-512 kernels over SIMDe, for tests: no user can select it.
#pragma once

#include "kernels/cpu/cpu_kernels.h"

namespace bora::kernels::simde {

extern const CpuKernels kTable;

}  // namespace bora::kernels::simde
