// The algorithm of kernels/attention.h.
//
// Span by span: keys are widened to f32 in panels of kPanelKeys, which all query rows of the call
// use; then each row's softmax over the span; then values, panel by panel, into the span's
// accumulators; then the merge with the spans before. Which rows share a panel or a register tile
// changes nothing: a row adds the positions it sees, and only those, in ascending order.
#pragma once

#include "kernels/attention.h"
#include "kernels/cpu/generic/exp.h"
#include "kernels/cpu/generic/weights.h"

namespace bora::kernels::generic {

inline constexpr std::size_t kPanelKeys = 32;
inline constexpr float kNoScore = -__builtin_inff();

// Positions of a span, relative to its start.
struct SpanRange {
  std::size_t begin;
  std::size_t end;
};

// What one call works with. Rows of vectors are `padded` floats apart, zero past head_dim.
struct AttentionWork {
  std::size_t rows;
  std::size_t padded;
  float* scores;           // [rows, kAttentionSpan]
  float* panel;            // [kPanelKeys, padded]
  float* queries;          // [rows, padded]
  float* span_sums;        // [rows, padded]: sum of weight * value of this span
  float* running_sums;     // [rows, padded]: of the spans before, scaled to running_maxima
  float* running_maxima;   // [rows]
  float* running_weights;  // [rows]
  std::size_t span_begin;
  int block_shift;  // block_tokens, which divides kAttentionSpan, is 1 << block_shift
  SpanRange visible[kAttentionRows];  // of this span, per row; empty: begin == end
};

inline constexpr std::size_t smaller(std::size_t a, std::size_t b) { return a < b ? a : b; }
inline constexpr std::size_t larger(std::size_t a, std::size_t b) { return a > b ? a : b; }

// The positions that row `row` sees.
[[gnu::always_inline]] inline SpanRange seen_by(const AttentionArgs& args, std::size_t row) {
  const std::size_t end = args.first_position + row / args.group + 1;
  return {args.window == 0 || args.window >= end ? 0 : end - args.window, end};
}

// The part of positions [seen) that lies in the span, relative to it.
[[gnu::always_inline]] inline SpanRange clip(SpanRange seen, std::size_t span_begin) {
  const std::size_t begin = larger(seen.begin, span_begin) - span_begin;
  const std::size_t end = larger(seen.end, span_begin) - span_begin;
  return {smaller(begin, kAttentionSpan), smaller(end, kAttentionSpan)};
}

// Where the cache (args.keys or args.values) holds a position of the span.
template <class Weights>
[[gnu::always_inline]] inline const std::byte* cached_row(const AttentionArgs& args,
                                                          const AttentionWork& work,
                                                          const std::byte* cache,
                                                          std::size_t in_span) {
  const std::size_t position = work.span_begin + in_span;
  const auto block = static_cast<std::size_t>(args.block_table[position >> work.block_shift]);
  const std::size_t slot = position & (args.block_tokens - 1);
  return cache + block * args.block_stride + Weights::offset(slot * args.head_dim);
}

[[gnu::always_inline]] inline void prefetch(const std::byte* from, std::size_t bytes) {
  for (std::size_t line = 0; line < bytes; line += 64) __builtin_prefetch(from + line);
}

// Widens the cached rows of the span's positions [wanted) that lie in the panel, which starts at
// position `panel_begin` of it. Panel rows outside are zeroed: their scores go nowhere. Fetches the
// rows of the next panel, which would otherwise wait for memory while nothing else is in flight.
template <class Simd, class Weights>
[[gnu::always_inline]] inline void load_panel(const AttentionArgs& args, const AttentionWork& work,
                                              const std::byte* cache, std::size_t panel_begin,
                                              SpanRange wanted) {
  for (std::size_t j = 0; j < kPanelKeys; ++j) {
    const std::size_t in_span = panel_begin + j;
    float* to = work.panel + j * work.padded;
    if (in_span < wanted.begin || in_span >= wanted.end) {
      __builtin_memset(to, 0, work.padded * sizeof(float));
      continue;
    }
    if (in_span + kPanelKeys < wanted.end) {
      prefetch(cached_row<Weights>(args, work, cache, in_span + kPanelKeys),
               Weights::offset(args.head_dim));
    }
    widen_row<Simd, Weights>(cached_row<Weights>(args, work, cache, in_span), args.head_dim, to);
  }
}

// Scores of one query and kLanes keys of the panel.
template <class Simd>
[[gnu::always_inline]] inline F32<Simd> score_keys(const AttentionArgs& args, const float* query,
                                                   const float* keys, std::size_t padded) {
  F32<Simd> sums[Simd::kLanes];
#pragma GCC unroll 16
  for (std::size_t j = 0; j < Simd::kLanes; ++j) sums[j] = Simd::zero();
  for (std::size_t i = 0; i < padded; i += Simd::kLanes) {
    const auto q = Simd::load(query + i);
#pragma GCC unroll 16
    for (std::size_t j = 0; j < Simd::kLanes; ++j) {
      sums[j] = Simd::fma(q, Simd::load(keys + j * padded + i), sums[j]);
    }
  }
  const auto scores = Simd::mul(Simd::reduce_add_each(sums), Simd::set(args.scale));
  if (args.softcap == 0.0F) return scores;
  const auto cap = Simd::set(args.softcap);
  return Simd::mul(cap, tanh<Simd>(Simd::div(scores, cap)));
}

template <class Simd, class Weights>
[[gnu::always_inline]] inline void score_span(const AttentionArgs& args, const AttentionWork& work,
                                              SpanRange wanted) {
  for (std::size_t begin = wanted.begin / kPanelKeys * kPanelKeys; begin < wanted.end;
       begin += kPanelKeys) {
    load_panel<Simd, Weights>(args, work, args.keys, begin, wanted);
    for (std::size_t row = 0; row < work.rows; ++row) {
      const SpanRange visible = work.visible[row];
      const std::size_t first = larger(begin, visible.begin / Simd::kLanes * Simd::kLanes);
      const std::size_t last = smaller(begin + kPanelKeys, visible.end);
      for (std::size_t j = first; j < last; j += Simd::kLanes) {
        const auto scores = score_keys<Simd>(args, work.queries + row * work.padded,
                                             work.panel + (j - begin) * work.padded, work.padded);
        Simd::store(work.scores + row * kAttentionSpan + j, scores);
      }
    }
  }
}

struct SoftmaxSums {
  float maximum;
  float weight;
};

// Turns the scores of the visible positions into weights exp(score - maximum). Lanes are absolute:
// what lies beside the visible ones in their vectors weighs nothing.
template <class Simd>
[[gnu::always_inline]] inline SoftmaxSums softmax_row(float* scores, SpanRange visible) {
  constexpr std::size_t kLanes = Simd::kLanes;
  const std::size_t first = visible.begin / kLanes * kLanes;
  const std::size_t last = round_up(visible.end, kLanes);
  for (std::size_t j = first; j < visible.begin; ++j) scores[j] = kNoScore;
  for (std::size_t j = visible.end; j < last; ++j) scores[j] = kNoScore;

  auto maxima = Simd::set(kNoScore);
  for (std::size_t j = first; j < last; j += kLanes) {
    maxima = Simd::max(maxima, Simd::load(scores + j));
  }
  const float maximum = Simd::reduce_max(maxima);
  auto sums = Simd::zero();
  for (std::size_t j = first; j < last; j += kLanes) {
    const auto weights = exp<Simd>(Simd::sub(Simd::load(scores + j), Simd::set(maximum)));
    Simd::store(scores + j, weights);
    sums = Simd::add(sums, weights);
  }
  return {maximum, Simd::reduce_add(sums)};
}

// span_sums[row + r][i ...] += sum_j weight[r][j] * value[j][i ...] for positions [begin, end) of
// the panel and kVectors vectors from value i on.
template <class Simd, std::size_t kRows, std::size_t kVectors>
[[gnu::always_inline]] inline void add_values(const AttentionWork& work, std::size_t panel_begin,
                                              std::size_t row, std::size_t i, SpanRange range) {
  F32<Simd> sums[kRows][kVectors];
#pragma GCC unroll 4
  for (std::size_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (std::size_t v = 0; v < kVectors; ++v) {
      sums[r][v] = Simd::load(work.span_sums + (row + r) * work.padded + i + v * Simd::kLanes);
    }
  }
  for (std::size_t j = range.begin; j < range.end; ++j) {
    const float* value = work.panel + (j - panel_begin) * work.padded + i;
    F32<Simd> weights[kRows];
#pragma GCC unroll 4
    for (std::size_t r = 0; r < kRows; ++r) {
      weights[r] = Simd::set(work.scores[(row + r) * kAttentionSpan + j]);
    }
#pragma GCC unroll 4
    for (std::size_t v = 0; v < kVectors; ++v) {
      const auto values = Simd::load(value + v * Simd::kLanes);
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kRows; ++r) {
        sums[r][v] = Simd::fma(weights[r], values, sums[r][v]);
      }
    }
  }
#pragma GCC unroll 4
  for (std::size_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (std::size_t v = 0; v < kVectors; ++v) {
      Simd::store(work.span_sums + (row + r) * work.padded + i + v * Simd::kLanes, sums[r][v]);
    }
  }
}

template <class Simd, std::size_t kRows>
[[gnu::always_inline]] inline void add_values(const AttentionWork& work, std::size_t panel_begin,
                                              std::size_t row, SpanRange range) {
  if (range.begin >= range.end) return;
  constexpr std::size_t kVectors = 4;
  std::size_t i = 0;
  for (; i + kVectors * Simd::kLanes <= work.padded; i += kVectors * Simd::kLanes) {
    add_values<Simd, kRows, kVectors>(work, panel_begin, row, i, range);
  }
  for (; i < work.padded; i += Simd::kLanes) {
    add_values<Simd, kRows, 1>(work, panel_begin, row, i, range);
  }
}

// Rows [row, row + kRows): what all of them see of the panel together, and each one's edges alone.
// Rows are in the order of their tokens, so both ends of what they see ascend.
template <class Simd, std::size_t kRows>
void add_panel_values(const AttentionWork& work, std::size_t row, SpanRange panel) {
  const auto part = [&](std::size_t r, std::size_t begin, std::size_t end) {
    const SpanRange visible = work.visible[row + r];
    return SpanRange{larger(begin, visible.begin), smaller(end, visible.end)};
  };
  const std::size_t begin = larger(panel.begin, work.visible[row + kRows - 1].begin);
  const std::size_t end = smaller(panel.end, work.visible[row].end);
  if (begin >= end) {
    for (std::size_t r = 0; r < kRows; ++r) {
      add_values<Simd, 1>(work, panel.begin, row + r, part(r, panel.begin, panel.end));
    }
    return;
  }
  for (std::size_t r = 0; r < kRows; ++r) {
    add_values<Simd, 1>(work, panel.begin, row + r, part(r, panel.begin, begin));
  }
  add_values<Simd, kRows>(work, panel.begin, row, {begin, end});
  for (std::size_t r = 0; r < kRows; ++r) {
    add_values<Simd, 1>(work, panel.begin, row + r, part(r, end, panel.end));
  }
}

template <class Simd, class Weights>
[[gnu::always_inline]] inline void sum_values(const AttentionArgs& args, const AttentionWork& work,
                                              SpanRange wanted) {
  constexpr std::size_t kTile = 3;
  __builtin_memset(work.span_sums, 0, work.rows * work.padded * sizeof(float));
  for (std::size_t begin = wanted.begin / kPanelKeys * kPanelKeys; begin < wanted.end;
       begin += kPanelKeys) {
    load_panel<Simd, Weights>(args, work, args.values, begin, wanted);
    const SpanRange panel{begin, begin + kPanelKeys};
    std::size_t row = 0;
    for (; row + kTile <= work.rows; row += kTile) add_panel_values<Simd, kTile>(work, row, panel);
    for (; row < work.rows; ++row) add_panel_values<Simd, 1>(work, row, panel);
  }
}

template <class Simd>
[[gnu::always_inline]] inline float exp_of(float x) {
  float lanes[Simd::kLanes];
  Simd::store(lanes, exp<Simd>(Simd::set(x)));
  return lanes[0];
}

// running = running * exp(old maximum - new) + span * exp(span's maximum - new)
template <class Simd>
[[gnu::always_inline]] inline void merge_row(const AttentionWork& work, std::size_t row,
                                             SoftmaxSums span) {
  const float old = work.running_maxima[row];
  const float maximum = old > span.maximum ? old : span.maximum;
  const float keep = exp_of<Simd>(old - maximum);
  const float take = exp_of<Simd>(span.maximum - maximum);
  work.running_maxima[row] = maximum;
  work.running_weights[row] = work.running_weights[row] * keep + span.weight * take;
  float* running = work.running_sums + row * work.padded;
  const float* sums = work.span_sums + row * work.padded;
  for (std::size_t i = 0; i < work.padded; i += Simd::kLanes) {
    const auto taken = Simd::mul(Simd::load(sums + i), Simd::set(take));
    Simd::store(running + i, Simd::fma(Simd::load(running + i), Simd::set(keep), taken));
  }
}

template <class Simd, class Weights>
[[gnu::always_inline]] inline void attend_span(const AttentionArgs& args, AttentionWork& work,
                                               std::size_t span_begin) {
  work.span_begin = span_begin;
  SpanRange wanted{kAttentionSpan, 0};
  for (std::size_t row = 0; row < work.rows; ++row) {
    const SpanRange visible = clip(seen_by(args, args.row_begin + row), span_begin);
    work.visible[row] = visible;
    if (visible.begin >= visible.end) continue;
    wanted = {smaller(wanted.begin, visible.begin), larger(wanted.end, visible.end)};
  }
  score_span<Simd, Weights>(args, work, wanted);
  SoftmaxSums spans[kAttentionRows];
  for (std::size_t row = 0; row < work.rows; ++row) {
    if (work.visible[row].begin >= work.visible[row].end) continue;
    spans[row] = softmax_row<Simd>(work.scores + row * kAttentionSpan, work.visible[row]);
  }
  sum_values<Simd, Weights>(args, work, wanted);
  for (std::size_t row = 0; row < work.rows; ++row) {
    if (work.visible[row].begin >= work.visible[row].end) continue;
    merge_row<Simd>(work, row, spans[row]);
  }
}

[[gnu::always_inline]] inline float* row_of(float* first, const AttentionArgs& args,
                                            std::size_t row) {
  return first + row / args.group * args.token_stride + row % args.group * args.head_dim;
}

template <class Simd>
[[gnu::always_inline]] inline AttentionWork start(const AttentionArgs& args) {
  AttentionWork work{};
  work.rows = args.row_end - args.row_begin;
  work.padded = round_up(args.head_dim, Simd::kLanes);
  work.block_shift = __builtin_ctzll(args.block_tokens);
  work.scores = reinterpret_cast<float*>(args.workspace);
  work.panel = work.scores + kAttentionRows * kAttentionSpan;
  work.queries = work.panel + kPanelKeys * work.padded;
  work.span_sums = work.queries + kAttentionRows * work.padded;
  work.running_sums = work.span_sums + kAttentionRows * work.padded;
  work.running_maxima = work.running_sums + kAttentionRows * work.padded;
  work.running_weights = work.running_maxima + kAttentionRows;
  const std::size_t bytes = work.rows * work.padded * sizeof(float);
  __builtin_memset(work.panel, 0, kPanelKeys * work.padded * sizeof(float));
  __builtin_memset(work.queries, 0, bytes);
  __builtin_memset(work.running_sums, 0, bytes);
  for (std::size_t row = 0; row < work.rows; ++row) {
    const std::size_t r = args.row_begin + row;
    const float* query =
        args.q + r / args.group * args.token_stride + r % args.group * args.head_dim;
    __builtin_memcpy(work.queries + row * work.padded, query, args.head_dim * sizeof(float));
    work.running_maxima[row] = kNoScore;
    work.running_weights[row] = 0.0F;
  }
  return work;
}

template <class Simd>
[[gnu::always_inline]] inline void finish(const AttentionArgs& args, const AttentionWork& work) {
  for (std::size_t row = 0; row < work.rows; ++row) {
    float* running = work.running_sums + row * work.padded;
    const auto weight = Simd::set(work.running_weights[row]);
    for (std::size_t i = 0; i < work.padded; i += Simd::kLanes) {
      Simd::store(running + i, Simd::div(Simd::load(running + i), weight));
    }
    __builtin_memcpy(row_of(args.out, args, args.row_begin + row), running,
                     args.head_dim * sizeof(float));
  }
}

template <class Simd, class Weights>
void attention(const AttentionArgs& args) noexcept {
  AttentionWork work = start<Simd>(args);
  const std::size_t begin = seen_by(args, args.row_begin).begin;
  const std::size_t end = seen_by(args, args.row_end - 1).end;
  for (std::size_t span = begin / kAttentionSpan * kAttentionSpan; span < end;
       span += kAttentionSpan) {
    attend_span<Simd, Weights>(args, work, span);
  }
  finish<Simd>(args, work);
}

}  // namespace bora::kernels::generic
