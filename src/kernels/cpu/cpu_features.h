// CpuFeatures: which instruction sets this CPU and its operating system offer.
#pragma once

#include <cstddef>

namespace bora::kernels {

struct CpuFeatures {
  bool avx2 = false;    // AVX2, FMA and F16C, and the system saves the wide registers
  bool avx512 = false;  // beside these AVX-512 F, BW, DQ, VL and VNNI, their registers saved too
  bool avx512_bf16 = false;  // avx512, and AVX-512 BF16
  bool amx = false;          // avx512_bf16, AMX TILE, BF16 and INT8, and the system gives the tiles
  // From how many places at once this CPU reads memory fastest, 1 or kManyStreams: those of Intel
  // follow each of several streams, but not beyond a page of 4 KB; a Zen 4 loses a quarter by it.
  std::size_t streams = 1;
};

// Asks the CPU, and the system for the use of its tiles, which Linux grants to a process on
// request; the same answer for the whole life of the process.
CpuFeatures detect_cpu_features();

}  // namespace bora::kernels
