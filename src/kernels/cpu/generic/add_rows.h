// The algorithm of kernels/add_rows.h: plain loops, which compilers turn into vectors without
// changing a bit (-ffp-contract=off).
#pragma once

#include "kernels/add_rows.h"
#include "kernels/cpu/generic/simd.h"

namespace bora::kernels::generic {

template <class Simd>
void add_rows(const AddRowsArgs& args) noexcept {
  for (std::size_t i = 0; i < args.count; ++i) {
    const float* x = args.x + i * args.columns;
    float* out = args.out + static_cast<std::size_t>(args.rows[i]) * args.columns;
    for (std::size_t c = 0; c < args.columns; ++c) out[c] += args.weights[i] * x[c];
  }
}

}  // namespace bora::kernels::generic
