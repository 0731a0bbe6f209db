// The table of a vector wrapper: every kernel from its generic algorithm.
#pragma once

#include "kernels/cpu/cpu_kernels.h"
#include "kernels/cpu/generic/attention.h"
#include "kernels/cpu/generic/embed.h"
#include "kernels/cpu/generic/linear.h"
#include "kernels/cpu/generic/probe.h"
#include "kernels/cpu/generic/rms_norm.h"
#include "kernels/cpu/generic/rope.h"
#include "kernels/cpu/generic/silu_mul.h"
#include "kernels/cpu/generic/store_kv.h"

namespace bora::kernels::generic {

template <class Simd>
consteval CpuKernels make_table(std::string_view isa) {
  static_assert(kStep % Simd::kLanes == 0 && Simd::kLanes <= 16);
  return {.isa = isa,
          .lanes = Simd::kLanes,
          .fused = Simd::kIsFused,
          .row_tile = kTileRows,
          .embed = embed<Simd>,
          .rms_norm = rms_norm<Simd>,
          .linear = linear<Simd>,
          .rope = rope<Simd>,
          .store_kv = store_kv<Simd>,
          .attention = attention<Simd>,
          .silu_mul = silu_mul<Simd>,
          .probe_fma = probe_fma<Simd>,
          .probe_int8 = probe_int8<Simd>,
          .probe_read = probe_read<Simd>};
}

}  // namespace bora::kernels::generic
