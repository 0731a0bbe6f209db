#include "kernels/cpu/cpu_features.h"

#include "kernels/linear.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace bora::kernels {

#if defined(__x86_64__)

namespace {

constexpr unsigned bit(int n) { return 1U << n; }

// Of XCR0, what the system saves at a task switch: the 128- and 256-bit registers; the mask
// registers, the upper halves of zmm0 to zmm15, and zmm16 to zmm31.
constexpr unsigned kWideRegisters = bit(1) | bit(2);
constexpr unsigned kAvx512Registers = bit(5) | bit(6) | bit(7);
constexpr unsigned kTiles = bit(17) | bit(18);  // their configuration and their data

unsigned saved_registers() {
  unsigned low = 0;
  unsigned high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

// The kernel keeps the 8 KB of a thread's tiles only for a process that asked for them. It refuses
// where a signal stack is too small to hold them (Documentation/arch/x86/xstate.rst of Linux).
bool may_use_tiles() {
#if defined(__linux__)
  constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;               // XFEATURE_XTILE_DATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}

// Of Intel; measured on an Emerald Rapids, and on a Zen 4 that is otherwise.
std::size_t preferred_streams() {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  const bool is_intel = __get_cpuid(0, &a, &b, &c, &d) != 0 && b == signature_INTEL_ebx &&
                        c == signature_INTEL_ecx && d == signature_INTEL_edx;
  return is_intel ? kManyStreams : 1;
}

constexpr bool has(unsigned found, unsigned wanted) { return (found & wanted) == wanted; }

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
  if (!has(c, kFma | kOsXsave | kAvx | kF16c)) return {};
  const unsigned saved = saved_registers();
  if (!has(saved, kWideRegisters)) return {};
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return {};
  constexpr unsigned kAvx2 = bit(5);
  constexpr unsigned kAvx512F = bit(16);
  constexpr unsigned kAvx512Dq = bit(17);
  constexpr unsigned kAvx512Bw = bit(30);
  constexpr unsigned kAvx512Vl = bit(31);
  constexpr unsigned kAvx512Vnni = bit(11);
  constexpr unsigned kAmx = bit(22) | bit(24) | bit(25);  // BF16, TILE, INT8
  const bool has_amx = has(d, kAmx) && has(saved, kTiles);
  CpuFeatures features;
  features.streams = preferred_streams();
  features.avx2 = has(b, kAvx2);
  features.avx512 = features.avx2 && has(saved, kAvx512Registers) &&
                    has(b, kAvx512F | kAvx512Dq | kAvx512Bw | kAvx512Vl) && has(c, kAvx512Vnni);
  if (!features.avx512 || __get_cpuid_count(7, 1, &a, &b, &c, &d) == 0) return features;
  constexpr unsigned kAvx512Bf16 = bit(5);
  features.avx512_bf16 = has(a, kAvx512Bf16);
  features.amx = features.avx512_bf16 && has_amx && may_use_tiles();
  return features;
}

#else

CpuFeatures detect_cpu_features() { return {}; }

#endif

}  // namespace bora::kernels
