// attention: causal attention of some query rows of one sequence over one head of its paged keys
// and values (https://arxiv.org/abs/2309.06180), in spans with online softmax
// (https://arxiv.org/abs/2205.14135).
//
//   score[p] = softcap(scale * q . key[p]),  softcap(s) = c * tanh(s / c), or s where c = 0
//   out = sum_p exp(score[p] - m) * value[p] / sum_p exp(score[p] - m),  m = max_p score[p]
//   over the positions p the query sees: p <= its own and, with a window, p > its own - window
//
// A query row is one (token, query head) pair: row r is token r / group and head r % group of the
// kv head's group (grouped-query attention, https://arxiv.org/abs/2305.13245).
//
// Arithmetic: f32. Positions are cut into spans of kAttentionSpan at absolute multiples of it; each
// span has its own maximum, sum and accumulator, merged in ascending order, in prefill and decode
// alike. A row touches only the positions it sees, so its bits do not depend on the other rows of
// the call nor on what lies in the cache beyond them.
// Tolerance, with u = 2^-24, D = head_dim, n = positions seen and S = scale * max_p sum_d |q key|:
// a score is off by e <= (D / lanes + lanes + 4) u S, which moves every weight by a factor within
// exp(+-2e); sums over n positions add n u: |error| <= (2e + (n / lanes + spans + 16) u) * max
// |value|.
#pragma once

#include "tensor/dtype.h"

#include <cstddef>
#include <cstdint>

namespace bora {

// Attention works on spans of this many keys at absolute positions (multiples of it).
inline constexpr std::size_t kAttentionSpan = 256;

namespace kernels {

struct AttentionArgs {
  const float* q;              // row r's query: q + (r / group) * token_stride + (r % group) * D
  float* out;                  // laid out as q
  std::size_t token_stride;    // values between tokens, in q and out
  std::size_t group;           // query heads that share the kv head
  std::size_t row_begin;       // rows [row_begin, row_end) are computed;
  std::size_t row_end;         //   at most kAttentionRows of them
  std::size_t first_position;  // where token 0 of q stands
  const std::byte* keys;       // of the kv head: position p lies in block block_table[p /
  const std::byte* values;     //   block_tokens], which starts block_stride bytes * block in
  std::size_t block_stride;    // bytes
  DType dtype;                 // f32, f16 or bf16
  std::size_t block_tokens;    // divides kAttentionSpan
  const std::int32_t* block_table;
  std::size_t head_dim;  // D
  float scale;
  float softcap;         // 0: none
  std::size_t window;    // positions seen, the query's own included; 0: all
  std::byte* workspace;  // attention_workspace_bytes(D), aligned to 64, of this call alone
};

inline constexpr std::size_t kAttentionRows = 32;

// What cpu/generic/attention.h lays out, for vectors of at most 16 lanes.
constexpr std::size_t attention_workspace_bytes(std::size_t head_dim) {
  const std::size_t padded = (head_dim + 15) / 16 * 16;
  constexpr std::size_t kPanelKeys = 32;
  return sizeof(float) * (kAttentionRows * kAttentionSpan + 2 * kAttentionRows +
                          (3 * kAttentionRows + kPanelKeys) * padded);
}

namespace reference {
void attention(const AttentionArgs& args);  // needs no workspace; one pass, no spans
}  // namespace reference

}  // namespace kernels
}  // namespace bora
