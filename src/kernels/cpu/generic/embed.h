// The algorithm of kernels/embed.h.
#pragma once

#include "kernels/cpu/generic/stored_rows.h"
#include "kernels/embed.h"

namespace bora::kernels::generic {

// Widens a row of a table whose rows lie interleaved, by groups.
template <class Simd, class Weights>
void widen_interleaved_row(const EmbedArgs& args, std::size_t row, float* out) {
  constexpr DType kType = Weights::kDType;
  constexpr std::size_t kGroupBytes = CodeFormat<kType>::kGroupBytes;
  const std::size_t lane = row % Simd::kLanes;
  const std::byte* at = args.table + (row - lane) * args.row_stride;
  std::byte group[kGroupBytes];
  for (std::size_t k = 0; k < args.columns; k += kGroupValues, at += kGroupBytes * Simd::kLanes) {
    const std::size_t values = group_values(args.columns - k);
    separate_row<Simd, kType>(at, values, lane, group);
    widen_row<Simd, Weights>(group, values, out + k);
  }
}

template <class Simd>
void embed(const EmbedArgs& args) noexcept {
  visit_weights<Simd>(args.dtype, [&args](auto policy) {
    for (std::size_t t = 0; t < args.tokens; ++t) {
      using Weights = decltype(policy);
      const auto row = static_cast<std::size_t>(args.ids[t]);
      float* out = args.out + t * args.columns;
      if (args.interleaved == 1) {
        widen_row<Simd, Weights>(args.table + row * args.row_stride, args.columns, out);
      } else if constexpr (info(Weights::kDType).block_values > 1) {
        widen_interleaved_row<Simd, Weights>(args, row, out);
      }
      if (args.scale == 1.0F) continue;
      for (std::size_t i = 0; i < args.columns; ++i) out[i] *= args.scale;
    }
  });
}

}  // namespace bora::kernels::generic
