// The tables that this build has, for cpu_kernels.cc to choose from.
#pragma once

#include "kernels/cpu/cpu_kernels.h"

namespace bora::kernels {

namespace scalar {
extern const CpuKernels kFusedTable;  // ComputeType::kF32
extern const CpuKernels kFastTable;   // ComputeType::kAuto
}  // namespace scalar

namespace avx2 {
extern const CpuKernels kTable;      // ComputeType::kF32
extern const CpuKernels kAutoTable;  // ComputeType::kAuto
}  // namespace avx2

namespace avx512 {
extern const CpuKernels kTable;      // ComputeType::kF32
extern const CpuKernels kAutoTable;  // ComputeType::kAuto
}  // namespace avx512

namespace avx512_bf16 {
extern const CpuKernels kTable;  // ComputeType::kAuto
}  // namespace avx512_bf16

namespace amx {
extern const CpuKernels kTable;  // ComputeType::kAuto
}  // namespace amx

}  // namespace bora::kernels
