#include "kernels/cpu/cpu_features.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace bora::kernels {

#if defined(__x86_64__)

namespace {

constexpr unsigned bit(int n) { return 1U << n; }

// Bits 1 and 2 of XCR0: the system saves the 128- and 256-bit registers at a task switch.
bool saves_wide_registers() {
  unsigned low = 0;
  unsigned high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low & (bit(1) | bit(2))) == (bit(1) | bit(2));
}

}  // namespace

// Bits as in the Intel 64 manual, volume 2A, CPUID.
CpuFeatures detect_cpu_features() {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0) return {};
  constexpr unsigned kFma = bit(12);
  constexpr unsigned kOsXsave = bit(27);
  constexpr unsigned kAvx = bit(28);
  constexpr unsigned kF16c = bit(29);
  constexpr unsigned kWanted = kFma | kOsXsave | kAvx | kF16c;
  if ((c & kWanted) != kWanted || !saves_wide_registers()) return {};
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return {};
  constexpr unsigned kAvx2 = bit(5);
  return {.avx2 = (b & kAvx2) != 0};
}

#else

CpuFeatures detect_cpu_features() { return {}; }

#endif

}  // namespace bora::kernels
