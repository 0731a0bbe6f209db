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
      widen_row<Simd, decltype(policy)>(row, args.columns, args.out + t * args.columns);
    }
  });
}

}  // namespace bora::kernels::generic
