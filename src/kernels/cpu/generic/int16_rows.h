// linear() of quantized weights for few tokens: kLanes rows at once, a lane each, multiplied as
// they lie in the file (row_codes.h).
#pragma once

#include "kernels/cpu/generic/linear.h"
#include "kernels/cpu/generic/row_codes.h"

namespace bora::kernels::generic {

[[gnu::always_inline]] inline RoundedRow rounded_row(const LinearArgs& args, std::size_t token) {
  const std::byte* row = args.rounded + token * rounded_row_bytes(args.in_features);
  return {reinterpret_cast<const std::int16_t*>(row),
          reinterpret_cast<const float*>(row + rounded_scales_offset(args.in_features)),
          reinterpret_cast<const float*>(row + rounded_sums_offset(args.in_features))};
}

// Adds bias and what was there to kLanes rows of a token, of which those of lanes [first, end) are
// wanted.
template <class Simd>
[[gnu::always_inline]] inline void finish_rows(const LinearArgs& args, std::size_t row,
                                               std::size_t first, std::size_t end,
                                               std::size_t token, F32<Simd> sums) {
  float lanes[Simd::kLanes];
  Simd::store(lanes, sums);
  for (std::size_t r = first; r < end; ++r) {
    float value = lanes[r];
    if (args.bias != nullptr) value += bias_of<Simd>(args, row + r);
    float& out = args.out[token * args.out_stride + row + r];
    out = args.accumulate ? out + value : value;
  }
}

template <class Simd, std::size_t kTokens>
[[gnu::always_inline]] inline void read_input(const RoundedRow (&x)[kTokens], std::size_t k,
                                              std::size_t values, GroupInput<kTokens>& to) {
  for (std::size_t t = 0; t < kTokens; ++t) {
    for (std::size_t i = 0; i < values; i += 2 * Simd::kLanes) {
      Simd::store_even_odd(&to.pairs[t][i], Simd::load_i16(x[t].codes + k + i));
    }
    for (std::size_t p = 0; p < values / kBlockValues; ++p) {
      to.sums[t][p] = static_cast<std::int32_t>(x[t].sums[k / kBlockValues + p]);
    }
  }
}

constexpr std::size_t group_values(std::size_t left) {
  return left < kGroupValues ? left : kGroupValues;
}

// Fetches what lies `ahead` bytes further in the rows: of a group's parts, each the lines of some.
template <class Simd, std::size_t kBytes>
[[gnu::always_inline]] inline void fetch(RowsAt rows, std::size_t ahead, std::size_t part,
                                         std::size_t parts) {
  const std::size_t end = Simd::kLanes * (part + parts) / kGroupParts;
#pragma GCC unroll 8
  for (std::size_t r = Simd::kLanes * part / kGroupParts; r < end; ++r) {
    const std::byte* at = rows.first + r * rows.stride + ahead;
#pragma GCC unroll 5
    for (std::size_t line = 0; line < kBytes; line += 64) __builtin_prefetch(at + line);
  }
}

// sums[t] += the group of token t at value k.
template <class Simd, DType kType, std::size_t kTokens, class Scales>
[[gnu::always_inline]] inline void add_group(RowsAt rows, std::size_t ahead, const Scales& scales,
                                             const RoundedRow (&x)[kTokens], std::size_t k,
                                             std::size_t values, F32<Simd> (&sums)[kTokens]) {
  using Rows = RowCodes<kType>;
  using Stored = CodeFormat<kType>;
  constexpr std::size_t kTotalParts = Stored::kTotalValues / kBlockValues;
  GroupInput<kTokens> input;
  read_input<Simd>(x, k, values, input);
  F32<Simd> group[kTokens];
  I32<Simd> totals[kTokens];
  for (std::size_t t = 0; t < kTokens; ++t) group[t] = Simd::zero();
  for (std::size_t part = 0; part < values / kBlockValues; part += Rows::kStepParts) {
    fetch<Simd, Stored::kGroupBytes>(rows, ahead, part, Rows::kStepParts);
    I32<Simd> products[Rows::kStepParts][kTokens];
    Rows::template multiply<Simd>(rows, scales, part, input, products);
#pragma GCC unroll 4
    for (std::size_t p = 0; p < Rows::kStepParts; ++p) {
#pragma GCC unroll 4
      for (std::size_t t = 0; t < kTokens; ++t) {
        const bool first = (part + p) % kTotalParts == 0;
        totals[t] = first ? products[p][t] : Simd::add_i32(totals[t], products[p][t]);
        if ((part + p + 1) % kTotalParts == 0) {
          group[t] = Simd::fma(Simd::to_f32(totals[t]), scales.scale_of(part + p), group[t]);
        }
      }
    }
  }
  for (std::size_t t = 0; t < kTokens; ++t) {
    if constexpr (Stored::kHasMinimum) {
      for (std::size_t p = 0; p < values / kBlockValues; ++p) {
        const auto sum = Simd::set(x[t].sums[k / kBlockValues + p]);
        group[t] = Simd::fma(scales.minimum_of(p), sum, group[t]);
      }
    }
    sums[t] = Simd::fma(group[t], Simd::set(x[t].scales[k / kGroupValues]), sums[t]);
  }
}

// kLanes rows from `row` on, `stride` bytes apart, of which those of lanes [first, end) are wanted.
struct RowLanes {
  std::size_t row;
  std::size_t stride;
  std::size_t first;
  std::size_t end;
};

template <class Simd, DType kType, std::size_t kTokens>
void int16_rows(const LinearArgs& args, const RowLanes& lanes, std::size_t token) {
  constexpr std::size_t kGroupBytes = CodeFormat<kType>::kGroupBytes;
  RoundedRow x[kTokens];
  F32<Simd> sums[kTokens];
  for (std::size_t t = 0; t < kTokens; ++t) {
    x[t] = rounded_row(args, token + t);
    sums[t] = Simd::zero();
  }
  // The scales of the next group are read early: gathered row by row, they come back from the store
  // buffer late.
  typename RowCodes<kType>::template Scales<Simd> scales[2];
  RowsAt rows{args.weight + lanes.row * args.weight_stride, lanes.stride};
  scales[0].read(rows, group_values(args.in_features));
  for (std::size_t k = 0; k < args.in_features; k += kGroupValues) {
    const std::size_t group = k / kGroupValues;
    const std::size_t values = group_values(args.in_features - k);
    if (k + values < args.in_features) {
      scales[(group + 1) % 2].read({rows.first + kGroupBytes, lanes.stride},
                                   group_values(args.in_features - k - values));
    }
    const std::size_t ahead = group * kGroupBytes + kPrefetchBytes < args.weight_stride
                                  ? kPrefetchBytes
                                  : kPrefetchBytes + (Simd::kLanes - 1) * args.weight_stride;
    add_group<Simd, kType>(rows, ahead, scales[group % 2], x, k, values, sums);
    rows.first += kGroupBytes;
  }
  for (std::size_t t = 0; t < kTokens; ++t) {
    finish_rows<Simd>(args, lanes.row, lanes.first, lanes.end, token + t, sums[t]);
  }
}

// All tokens, as many at once as the registers hold sums of.
template <class Simd, DType kType>
void int16_rows(const LinearArgs& args, const RowLanes& lanes) {
  std::size_t token = 0;
  for (; token + 4 <= args.tokens; token += 4) int16_rows<Simd, kType, 4>(args, lanes, token);
  for (; token + 2 <= args.tokens; token += 2) int16_rows<Simd, kType, 2>(args, lanes, token);
  if (token < args.tokens) int16_rows<Simd, kType, 1>(args, lanes, token);
}

// Where fewer rows are left than lanes, some of those before are computed again; where there are
// fewer in all, one row is in all lanes.
template <class Simd, DType kType>
void int16_few(const LinearArgs& args) {
  constexpr std::size_t kLanes = Simd::kLanes;
  if (args.rows < kLanes) {
    for (std::size_t row = 0; row < args.rows; ++row) {
      int16_rows<Simd, kType>(args, {row, 0, 0, 1});
    }
    return;
  }
  for (std::size_t row = 0; row < args.rows; row += kLanes) {
    const std::size_t begin = row + kLanes <= args.rows ? row : args.rows - kLanes;
    int16_rows<Simd, kType>(args, {begin, args.weight_stride, row - begin, kLanes});
  }
}

}  // namespace bora::kernels::generic
