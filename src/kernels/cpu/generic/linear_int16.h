// linear() of quantized weights by products of integers (kernels/linear.h).
//
// Sums of codes are exact whatever their order, so few tokens and many may go about it differently
// and give the same bits. Few: int16_rows.h takes the codes of kLanes rows apart once. Many: a
// panel of rows is unpacked once for a group, pairs of values of all its rows next to each other,
// and multiplied with all tokens; lanes are rows, and no sum goes across. Unpacking takes the time
// of some four tokens.
#pragma once

#include "kernels/cpu/generic/int16_rows.h"

namespace bora::kernels::generic {

// A tile of the panel, vectors of rows by tokens: its totals, as many f32 sums, a vector of weights
// each and one of activations fill the registers.
inline constexpr std::size_t kInt16TileVectors = 2;
template <class Simd>
inline constexpr std::size_t kInt16TileTokens = Simd::kRegisters >= 32 ? 6 : 3;
inline constexpr std::size_t kInt16PanelRows = 32;
// Tokens per pass over the weights: bounds the sums.
inline constexpr std::size_t kInt16PassTokens = 256;

// kLanes rows from `row` on, at the group of value k, one after the other; where fewer than `rows`
// are left, the last again. Fetches what comes next in each: kPrefetchBytes further, or the group
// after it where they lie interleaved; at a row's end, the beginning of the row that is
// `stride_rows` further.
template <class Simd, class Stored>
struct GroupRows {
  static constexpr std::size_t kGroupBytes = Stored::kGroupBytes;
  const std::byte* at[Simd::kLanes];
  const std::byte* next;
  std::size_t next_stride;
  alignas(64) std::byte separated[Simd::kLanes][kGroupBytes];

  [[gnu::always_inline]] GroupRows(const LinearArgs& args, std::size_t row, std::size_t rows,
                                   std::size_t k, std::size_t stride_rows) {
    const std::size_t from = k / kGroupValues * kGroupBytes;
    const std::byte* first = args.weight + row * args.weight_stride;
    if (args.interleaved > 1) {
      const std::byte* group = first + Simd::kLanes * from;
      const std::size_t values = group_values(args.in_features - k);
      separate_rows<Simd, Stored::kType>(group, values, separated[0], kGroupBytes);
      for (std::size_t r = 0; r < Simd::kLanes; ++r) at[r] = separated[r];
      next = group + Simd::kLanes * kGroupBytes;
      if (from + kGroupBytes >= args.weight_stride) {
        next += (stride_rows - Simd::kLanes) * args.weight_stride;
      }
      next_stride = kGroupBytes;
      return;
    }
    for (std::size_t r = 0; r < Simd::kLanes; ++r) {
      at[r] = first + (r < rows ? r : rows - 1) * args.weight_stride + from;
    }
    next = at[0] + kPrefetchBytes;
    if (from + kPrefetchBytes >= args.weight_stride) {
      next += (stride_rows - 1) * args.weight_stride;
    }
    next_stride = args.weight_stride;
  }

  // Once for each part of 32 values, that the fetches do not come all at once.
  [[gnu::always_inline]] void fetch(std::size_t r, std::size_t part) const {
    __builtin_prefetch(next + r * next_stride + part * kGroupBytes / kGroupParts);
  }
};

// A group of a panel's rows, unpacked, and the sums that its tokens have so far; in the workspace.
template <class Simd>
struct Int16Panel {
  std::int32_t pairs[kGroupValues / 2][kInt16PanelRows];
  float scale[kGroupParts][kInt16PanelRows];
  float minimum[kGroupParts][kInt16PanelRows];
  float sums[kInt16PassTokens][kInt16PanelRows];
};

// kLanes rows of a group to the lanes from `lane` on.
template <class Simd, class Stored>
void unpack_rows(Int16Panel<Simd>& panel, const GroupRows<Simd, Stored>& from, std::size_t values,
                 std::size_t lane) {
  constexpr std::size_t kLanes = Simd::kLanes;
  constexpr std::size_t kVectors = kBlockValues / (2 * kLanes);
  GroupScales<Simd> scales;
  for (std::size_t r = 0; r < kLanes; ++r) {
    Stored::template read_scales<Simd>(from.at[r], values, r, scales);
  }
  const std::size_t parts = values / kBlockValues;
  for (std::size_t i = 0; i < (Stored::kScales == 1 ? 1 : parts); ++i) {
    Simd::store(&panel.scale[i][lane], scales.scale_at(i));
  }
  for (std::size_t p = 0; p < parts; ++p) {
    if constexpr (Stored::kHasMinimum) {
      Simd::store(&panel.minimum[p][lane], Stored::template minimum<Simd>(scales, p));
    }
    typename Simd::I32 turned[kVectors][kLanes];
#pragma GCC unroll 16
    for (std::size_t r = 0; r < kLanes; ++r) {
      CodeVectors<Simd> codes;
      from.fetch(r, p);
      Stored::template read_codes<Simd>(from.at[r], p, scales.small[r], codes);
      for (std::size_t v = 0; v < kVectors; ++v) turned[v][r] = Simd::as_i32(codes[v]);
    }
    std::int32_t* to = &panel.pairs[p * kBlockValues / 2][lane];
    for (std::size_t v = 0; v < kVectors; ++v) {
      Simd::transpose(turned[v]);
#pragma GCC unroll 16
      for (std::size_t i = 0; i < kLanes; ++i, to += kInt16PanelRows) {
        Simd::store_i32(to, turned[v][i]);
      }
    }
  }
}

// A tile's totals of the values [begin, begin + kTotalValues) of a group that begins at k.
template <class Simd, class Stored, std::size_t kTokens>
[[gnu::always_inline]] inline void add_totals(const Int16Panel<Simd>& panel, std::size_t lane,
                                              const RoundedRow (&x)[kTokens], std::size_t k,
                                              std::size_t begin,
                                              F32<Simd> (&group)[kInt16TileVectors][kTokens]) {
  constexpr std::size_t kVectors = kInt16TileVectors;
  typename Simd::I32 totals[kVectors][kTokens];
#pragma GCC unroll 2
  for (std::size_t v = 0; v < kVectors; ++v) {
#pragma GCC unroll 6
    for (std::size_t t = 0; t < kTokens; ++t) totals[v][t] = Simd::clear_i32();
  }
  const std::size_t end = begin + Stored::kTotalValues;
  for (std::size_t pair = begin / 2; pair < end / 2; pair += 4) {
#pragma GCC unroll 4
    for (std::size_t i = pair; i < pair + 4; ++i) {
      typename Simd::I16 weight[kVectors];
#pragma GCC unroll 2
      for (std::size_t v = 0; v < kVectors; ++v) {
        weight[v] = Simd::load_i16(
            reinterpret_cast<const std::int16_t*>(&panel.pairs[i][lane + v * Simd::kLanes]));
      }
#pragma GCC unroll 6
      for (std::size_t t = 0; t < kTokens; ++t) {
        const auto both = Simd::set_pair(x[t].codes + k + 2 * i);
#pragma GCC unroll 2
        for (std::size_t v = 0; v < kVectors; ++v) {
          totals[v][t] = Simd::dot_i16(totals[v][t], weight[v], both);
          hide(totals[v][t]);
        }
      }
    }
  }
  const std::size_t index = Stored::kScales == 1 ? 0 : begin / Stored::kTotalValues;
#pragma GCC unroll 2
  for (std::size_t v = 0; v < kVectors; ++v) {
    const auto scale = Simd::load(&panel.scale[index][lane + v * Simd::kLanes]);
#pragma GCC unroll 6
    for (std::size_t t = 0; t < kTokens; ++t) {
      group[v][t] = Simd::fma(Simd::to_f32(totals[v][t]), scale, group[v][t]);
    }
  }
}

// sums += the group at k, for the rows of a tile from `lane` on and kTokens tokens.
// A function of its own: inlined, GCC 12 keeps what the tiles share in registers and reads the
// weights of the innermost loop from the stack again and again.
template <class Simd, class Stored, std::size_t kTokens>
[[gnu::noinline]] void int16_tile(const Int16Panel<Simd>& panel, std::size_t lane,
                                  const RoundedRow (&x)[kTokens], std::size_t k, std::size_t values,
                                  float* sums) {
  constexpr std::size_t kVectors = kInt16TileVectors;
  F32<Simd> group[kVectors][kTokens];
  clear<Simd>(group);
  for (std::size_t begin = 0; begin < values; begin += Stored::kTotalValues) {
    add_totals<Simd, Stored>(panel, lane, x, k, begin, group);
  }
  if constexpr (Stored::kHasMinimum) {
    for (std::size_t p = 0; p < values / kBlockValues; ++p) {
#pragma GCC unroll 2
      for (std::size_t v = 0; v < kVectors; ++v) {
        const auto minimum = Simd::load(&panel.minimum[p][lane + v * Simd::kLanes]);
#pragma GCC unroll 6
        for (std::size_t t = 0; t < kTokens; ++t) {
          const auto sum = Simd::set(x[t].sums[k / kBlockValues + p]);
          group[v][t] = Simd::fma(minimum, sum, group[v][t]);
        }
      }
    }
  }
#pragma GCC unroll 2
  for (std::size_t v = 0; v < kVectors; ++v) {
#pragma GCC unroll 6
    for (std::size_t t = 0; t < kTokens; ++t) {
      float* sum = sums + t * kInt16PanelRows + lane + v * Simd::kLanes;
      const auto scale = Simd::set(x[t].scales[k / kGroupValues]);
      Simd::store(sum, Simd::fma(group[v][t], scale, Simd::load(sum)));
    }
  }
}

// A panel's rows, the tokens [begin, end) of a pass, the values of a group.
struct Int16Pass {
  std::size_t row;
  std::size_t rows;
  std::size_t begin;
  std::size_t end;
  std::size_t k;
  std::size_t values;
};

// The outputs lie far from each other: they are fetched while the last group is computed.
template <std::size_t kTokens>
[[gnu::always_inline]] inline void fetch_outputs(const LinearArgs& args, const Int16Pass& pass,
                                                 std::size_t token) {
  for (std::size_t t = 0; t < kTokens; ++t) {
    const float* out = args.out + (token + t) * args.out_stride + pass.row;
    for (std::size_t r = 0; r < pass.rows; r += 64 / sizeof(float)) __builtin_prefetch(out + r, 1);
  }
}

// Adds the group to the sums of as many tokens from `token` on as whole tiles of kTokens hold.
template <class Simd, class Stored, std::size_t kTokens>
[[gnu::always_inline]] inline std::size_t int16_tokens(const LinearArgs& args,
                                                       Int16Panel<Simd>& panel,
                                                       const Int16Pass& pass, std::size_t token) {
  for (; token + kTokens <= pass.end; token += kTokens) {
    RoundedRow x[kTokens];
    for (std::size_t t = 0; t < kTokens; ++t) x[t] = rounded_row(args, token + t);
    float* sums = panel.sums[token - pass.begin];
    if (pass.k + pass.values == args.in_features) fetch_outputs<kTokens>(args, pass, token);
    for (std::size_t lane = 0; lane < pass.rows; lane += kInt16TileVectors * Simd::kLanes) {
      int16_tile<Simd, Stored, kTokens>(panel, lane, x, pass.k, pass.values, sums);
    }
  }
  return token;
}

template <class Simd, class Stored>
void int16_panel(const LinearArgs& args, Int16Panel<Simd>& panel, Int16Pass pass) {
  constexpr std::size_t kLanes = Simd::kLanes;
  constexpr std::size_t kTileRows16 = kInt16TileVectors * kLanes;
  __builtin_memset(panel.sums, 0, (pass.end - pass.begin) * sizeof(panel.sums[0]));
  for (pass.k = 0; pass.k < args.in_features; pass.k += kGroupValues) {
    pass.values = group_values(args.in_features - pass.k);
    for (std::size_t lane = 0; lane < round_up(pass.rows, kTileRows16); lane += kLanes) {
      const std::size_t first = lane < pass.rows ? lane : pass.rows - args.interleaved;
      const GroupRows<Simd, Stored> from(args, pass.row + first, pass.rows - first, pass.k,
                                         kInt16PanelRows);
      unpack_rows<Simd, Stored>(panel, from, pass.values, lane);
    }
    std::size_t token = pass.begin;
    token = int16_tokens<Simd, Stored, kInt16TileTokens<Simd>>(args, panel, pass, token);
    token = int16_tokens<Simd, Stored, 2>(args, panel, pass, token);
    int16_tokens<Simd, Stored, 1>(args, panel, pass, token);
  }
  for (std::size_t token = pass.begin; token < pass.end; ++token) {
    for (std::size_t lane = 0; lane < pass.rows; lane += kLanes) {
      const std::size_t some = pass.rows - lane < kLanes ? pass.rows - lane : kLanes;
      finish_rows<Simd>(args, pass.row + lane, 0, some, token,
                        Simd::load(&panel.sums[token - pass.begin][lane]));
    }
  }
}

template <class Simd, DType kType>
void linear_int16(const LinearArgs& args) noexcept {
  using Stored = CodeFormat<kType>;
  static_assert(sizeof(Int16Panel<Simd>) <= kLinearWorkspaceBytes);
  static_assert(kInt16PanelRows % (kInt16TileVectors * Simd::kLanes) == 0);
  if (args.tokens <= kFewTokens && args.in_features <= kFewColumns) {
    int16_few<Simd, kType>(args);
    return;
  }
  auto& panel = *reinterpret_cast<Int16Panel<Simd>*>(args.workspace);
  for (std::size_t begin = 0; begin < args.tokens; begin += kInt16PassTokens) {
    const std::size_t left = args.tokens - begin;
    const std::size_t end = begin + (left < kInt16PassTokens ? left : kInt16PassTokens);
    for (std::size_t row = 0; row < args.rows; row += kInt16PanelRows) {
      const std::size_t more = args.rows - row;
      const std::size_t rows = more < kInt16PanelRows ? more : kInt16PanelRows;
      int16_panel<Simd, Stored>(args, panel, {row, rows, begin, end, 0, 0});
    }
  }
}

}  // namespace bora::kernels::generic
