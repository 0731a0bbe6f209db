// CpuFeatures: which instruction sets this CPU and its operating system offer.
#pragma once

namespace bora::kernels {

struct CpuFeatures {
  bool avx2 = false;    // AVX2, FMA and F16C, and the system saves the wide registers
  bool avx512 = false;  // beside these AVX-512 F, BW, DQ, VL and VNNI, their registers saved too
  bool avx512_bf16 = false;  // avx512, and AVX-512 BF16
};

// Asks the CPU; the same answer for the whole life of the process.
CpuFeatures detect_cpu_features();

}  // namespace bora::kernels
