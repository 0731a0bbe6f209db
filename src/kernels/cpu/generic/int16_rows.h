// linear() of quantized weights for few tokens: kLanes rows at once, a lane each, multiplied as
// they lie (row_codes.h). The activations are put in the order of that once a call, in the
// workspace.
#pragma once

#include "kernels/cpu/generic/linear.h"
#include "kernels/cpu/generic/super_block_codes.h"

#include <utility>

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
  // As a vector: a copy of a length that is not known would become a slow instruction of its own.
  if (first == 0 && end == Simd::kLanes && args.bias == nullptr) {
    float* out = args.out + token * args.out_stride + row;
    Simd::store(out, args.accumulate ? Simd::add(Simd::load(out), sums) : sums);
    return;
  }
  float lanes[Simd::kLanes];
  Simd::store(lanes, sums);
  for (std::size_t r = first; r < end; ++r) {
    float value = lanes[r];
    if (args.bias != nullptr) value += bias_of<Simd>(args, row + r);
    float& out = args.out[token * args.out_stride + row + r];
    out = args.accumulate ? out + value : value;
  }
}

// The activations of a group, of all tokens.
template <class Simd, class Rows, std::size_t kTokens>
void read_input(const LinearArgs& args, std::size_t k, std::size_t values,
                GroupInput<kTokens>& to) {
  for (std::size_t t = 0; t < kTokens; ++t) {
    const RoundedRow x = rounded_row(args, t);
    const std::int16_t* codes = x.codes + k;
    for (std::size_t i = 0; i < values; i += 2 * Simd::kLanes) {
      Simd::store_even_odd(&to.pairs[t][i], Simd::load_i16(codes + i));
    }
    for (std::size_t i = 0; i < values / Rows::kZeroValues; ++i) {
      std::int32_t sum = 0;
      for (std::size_t j = 0; j < Rows::kZeroValues; ++j) sum += codes[i * Rows::kZeroValues + j];
      to.corrections[t][i] = -Rows::kZero * sum;
    }
    for (std::size_t p = 0; p < values / kBlockValues; ++p) {
      to.sums[t][p] = x.sums[k / kBlockValues + p];
    }
    to.scale[t] = x.scales[k / kGroupValues];
  }
}

// Several streams pay for tiles of at least these, four pages.
inline constexpr std::size_t kStreamBytes = std::size_t{16} << 10;
// The tile after this one is fetched whole where it has at most these.
inline constexpr std::size_t kFetchedTileBytes = std::size_t{24} << 10;

// kLanes pieces of memory, `stride` bytes apart.
struct Pieces {
  const std::byte* first;
  std::size_t stride;
};

enum class Cache { kFirst, kSecond };

// Fetches kBytes of each of the pieces that have their turn in a group's parts [part, part +
// parts).
template <class Simd, std::size_t kBytes, Cache kCache>
[[gnu::always_inline]] inline void fetch(Pieces pieces, std::size_t part, std::size_t parts) {
  const std::size_t end = Simd::kLanes * (part + parts) / kGroupParts;
#pragma GCC unroll 8
  for (std::size_t r = Simd::kLanes * part / kGroupParts; r < end; ++r) {
    const std::byte* at = pieces.first + r * pieces.stride;
#pragma GCC unroll 5
    for (std::size_t line = 0; line < kBytes; line += 64) {
      __builtin_prefetch(at + line, 0, kCache == Cache::kFirst ? 3 : 2);
    }
  }
}

// Where the stream of interleaved rows is fetched to, and how many groups ahead of the one in work.
// A single stream is fetched further ahead where the codes take more work: on a Zen 4 that makes up
// to a quarter. Each of several comes often enough as it is.
template <DType kType, std::size_t kTiles, bool kInterleaved>
inline constexpr bool kFarAhead =
    kInterleaved&& kTiles == 1 && kType != DType::kQ8_0&& kType != DType::kQ4_0;

// sums[i][t] += the group of tile i and token t. The tiles take turns, part by part: as many
// streams of weights.
template <class Simd, DType kType, std::size_t kTiles, std::size_t kTokens, class Rows,
          class Scales>
[[gnu::always_inline]] inline void add_group(const Rows (&rows)[kTiles],
                                             const Pieces (&next)[kTiles],
                                             const Scales (&scales)[kTiles],
                                             const GroupInput<kTokens>& x, std::size_t values,
                                             F32<Simd> (&sums)[kTiles][kTokens]) {
  using OfType = RowCodes<kType>;
  using Stored = CodeFormat<kType>;
  constexpr std::size_t kTotalParts = Stored::kTotalValues / kBlockValues;
  constexpr Cache kCache =
      kFarAhead<kType, kTiles, Rows::kInterleaved> ? Cache::kSecond : Cache::kFirst;
  F32<Simd> group[kTiles][kTokens];
  I32<Simd> totals[kTiles][kTokens];
  clear<Simd>(group);
  for (std::size_t part = 0; part < values / kBlockValues; part += OfType::kStepParts) {
#pragma GCC unroll 4
    for (std::size_t i = 0; i < kTiles; ++i) {
      fetch<Simd, Stored::kGroupBytes, kCache>(next[i], part, OfType::kStepParts);
      I32<Simd> products[OfType::kStepParts][kTokens];
      OfType::template multiply<Simd>(rows[i], scales[i], part, x, products);
#pragma GCC unroll 4
      for (std::size_t p = 0; p < OfType::kStepParts; ++p) {
        const bool first = (part + p) % kTotalParts == 0;
        const bool last = (part + p + 1) % kTotalParts == 0;
#pragma GCC unroll 4
        for (std::size_t t = 0; t < kTokens; ++t) {
          totals[i][t] = first ? products[p][t] : Simd::add_i32(totals[i][t], products[p][t]);
          if (last) {
            group[i][t] =
                Simd::fma(Simd::to_f32(totals[i][t]), scales[i].scale_of(part + p), group[i][t]);
          }
        }
      }
    }
  }
#pragma GCC unroll 4
  for (std::size_t i = 0; i < kTiles; ++i) {
    for (std::size_t t = 0; t < kTokens; ++t) {
      if constexpr (Stored::kHasMinimum) {
        for (std::size_t p = 0; p < values / kBlockValues; ++p) {
          group[i][t] = Simd::fma(scales[i].minimum_of(p), Simd::set(x.sums[t][p]), group[i][t]);
        }
      }
      sums[i][t] = Simd::fma(group[i][t], Simd::set(x.scale[t]), sums[i][t]);
    }
  }
}

// Tiles of kLanes rows each from `row` on, `stride` bytes apart within a tile, of which those of
// lanes [first, end) are wanted.
struct RowLanes {
  std::size_t row;
  std::size_t stride;
  std::size_t first;
  std::size_t end;
};

// What to fetch beside a group. Of interleaved rows a group further on, or two; of short ones those
// after these, in one stream; of long ones what lies kPrefetchBytes further in each, and at their
// end the beginnings of those after them.
template <class Simd, DType kType, std::size_t kTiles, class Rows>
[[gnu::always_inline]] inline Pieces fetched(const LinearArgs& args, const RowLanes& lanes,
                                             std::size_t tile, std::size_t group) {
  constexpr std::size_t kGroupBytes = CodeFormat<kType>::kGroupBytes;
  const std::size_t tile_bytes = Simd::kLanes * args.weight_stride;
  const std::byte* rows = args.weight + lanes.row * args.weight_stride + tile * tile_bytes;
  if constexpr (Rows::kInterleaved) {
    constexpr std::size_t kAhead = kFarAhead<kType, kTiles, true> ? 2 : 1;
    const std::size_t ahead = (group + kAhead) * Rows::kGroupBytes;
    // What follows a tile is the beginning of the next stream.
    return {rows + ahead + (ahead < tile_bytes ? 0 : (kTiles - 1) * tile_bytes), kGroupBytes};
  }
  if (tile_bytes <= kFetchedTileBytes) {
    return {rows + tile_bytes + group * Simd::kLanes * kGroupBytes, kGroupBytes};
  }
  const std::size_t ahead = group * kGroupBytes + kPrefetchBytes;
  return {rows + ahead + (ahead < args.weight_stride ? 0 : tile_bytes - args.weight_stride),
          lanes.stride};
}

template <class Simd, DType kType, class Rows, std::size_t kTokens, std::size_t... kTile>
[[gnu::always_inline]] inline void int16_tiles(const LinearArgs& args,
                                               const GroupInput<kTokens>* input,
                                               const RowLanes& lanes,
                                               std::index_sequence<kTile...> /*tiles*/) {
  constexpr std::size_t kTiles = sizeof...(kTile);
  F32<Simd> sums[kTiles][kTokens];
  clear<Simd>(sums);
  typename RowCodes<kType>::template Scales<Simd, Rows> scales[kTiles];
  const std::size_t tile_bytes = Simd::kLanes * args.weight_stride;
  const std::byte* at = args.weight + lanes.row * args.weight_stride;
  for (std::size_t k = 0; k < args.in_features; k += kGroupValues, ++input) {
    const std::size_t values = group_values(args.in_features - k);
    const Rows rows[kTiles] = {Rows(at + kTile * tile_bytes, lanes.stride, values)...};
    (scales[kTile].read(rows[kTile], values), ...);
    const Pieces next[kTiles] = {
        fetched<Simd, kType, kTiles, Rows>(args, lanes, kTile, k / kGroupValues)...};
    add_group<Simd, kType>(rows, next, scales, *input, values, sums);
    at += Rows::kGroupBytes;
  }
  for (std::size_t i = 0; i < kTiles; ++i) {
    for (std::size_t t = 0; t < kTokens; ++t) {
      finish_rows<Simd>(args, lanes.row + i * Simd::kLanes, lanes.first, lanes.end, t, sums[i][t]);
    }
  }
}

template <class Simd, DType kType, class Rows, std::size_t kTokens>
void int16_rows(const LinearArgs& args, const GroupInput<kTokens>* input, const RowLanes& lanes) {
  int16_tiles<Simd, kType, Rows>(args, input, lanes, std::make_index_sequence<1>());
}

template <class Simd, DType kType, class Rows>
void int16_streams(const LinearArgs& args, const GroupInput<1>* input, std::size_t row) {
  int16_tiles<Simd, kType, Rows>(args, input, {row, 0, 0, Simd::kLanes},
                                 std::make_index_sequence<kManyStreams>());
}

// Where fewer rows are left than lanes, some of those before are computed again; where there are
// fewer in all, one row is in all lanes.
template <class Simd, DType kType, std::size_t kTokens>
void int16_tokens(const LinearArgs& args) {
  using Separate = SeparateRows<Simd, kType>;
  constexpr std::size_t kLanes = Simd::kLanes;
  auto* input = reinterpret_cast<GroupInput<kTokens>*>(args.workspace);
  for (std::size_t k = 0; k < args.in_features; k += kGroupValues) {
    read_input<Simd, RowCodes<kType>>(args, k, group_values(args.in_features - k),
                                      input[k / kGroupValues]);
  }
  if (args.interleaved > 1) {
    using Interleaved = InterleavedRows<Simd, kType>;
    std::size_t row = 0;
    if constexpr (kTokens == 1) {
      constexpr std::size_t kRows = kManyStreams * kLanes;
      const bool many = args.streams == kManyStreams && kLanes * args.weight_stride >= kStreamBytes;
      const std::size_t end = many ? args.rows / kRows * kRows : 0;
      for (; row < end; row += kRows) int16_streams<Simd, kType, Interleaved>(args, input, row);
    }
    for (; row < args.rows; row += kLanes) {
      int16_rows<Simd, kType, Interleaved>(args, input, {row, 0, 0, kLanes});
    }
    return;
  }
  if (args.rows < kLanes) {
    for (std::size_t row = 0; row < args.rows; ++row) {
      int16_rows<Simd, kType, Separate>(args, input, {row, 0, 0, 1});
    }
    return;
  }
  for (std::size_t row = 0; row < args.rows; row += kLanes) {
    const std::size_t begin = row + kLanes <= args.rows ? row : args.rows - kLanes;
    int16_rows<Simd, kType, Separate>(args, input,
                                      {begin, args.weight_stride, row - begin, kLanes});
  }
}

// Rows of at most these fit the workspace, for all tokens.
inline constexpr std::size_t kFewTokens = 4;
inline constexpr std::size_t kFewColumns =
    kLinearWorkspaceBytes / sizeof(GroupInput<kFewTokens>) * kGroupValues;

// 1 to kFewTokens tokens, kFewColumns or less.
template <class Simd, DType kType>
void int16_few(const LinearArgs& args) {
  if (args.tokens == 1) return int16_tokens<Simd, kType, 1>(args);
  if (args.tokens == 2) return int16_tokens<Simd, kType, 2>(args);
  if (args.tokens == 3) return int16_tokens<Simd, kType, 3>(args);
  int16_tokens<Simd, kType, 4>(args);
}

}  // namespace bora::kernels::generic
