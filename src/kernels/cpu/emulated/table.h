// The table of the emulated AVX-512 kernels, for tests: no user can select it.
#pragma once

#include "kernels/cpu/cpu_kernels.h"

namespace bora::kernels::emulated {

extern const CpuKernels kTable;

}  // namespace bora::kernels::emulated
