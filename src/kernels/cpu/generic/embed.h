// The algorithm of kernels/embed.h.
#pragma once

#include "kernels/cpu/generic/weights.h"
#include "kernels/embed.h"

namespace bora::kernels::generic {

template <class Simd>
void embed(const EmbedArgs& args) noexcept {
  visit_weights<Simd>(args.dtype, [&args](auto policy) {
    for (std::size_t t = 0; t < args.tokens; ++t) {
      const std::byte* row = args.table + static_cast<std::size_t>(args.ids[t]) * args.row_stride;
      float* out = args.out + t * args.columns;
      widen_row<Simd, decltype(policy)>(row, args.columns, out);
      if (args.scale == 1.0F) continue;
      for (std::size_t i = 0; i < args.columns; ++i) out[i] *= args.scale;
    }
  });
}

}  // namespace bora::kernels::generic
