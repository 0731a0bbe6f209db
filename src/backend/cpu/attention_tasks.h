// AttentionTasks: how the attention of a step is cut into calls of the kernel, which workers take
// in turn. Shapes and limits of the parameters are checked by the caller.
#pragma once

#include "backend/backend.h"
#include "backend/cpu/split.h"
#include "kernels/attention.h"

#include <algorithm>
#include <cstddef>

namespace bora {

// One call of the attention kernel: a tile of query rows of one kv head of one sequence.
struct AttentionTask {
  std::size_t sequence = 0;
  std::size_t kv_head = 0;
  Range rows;
};

// Cuts a step's attention into tasks, numbered so that the later, longer rows of a sequence come
// first: workers take the next number when free, and long tasks at the end would keep the others
// waiting.
class AttentionTasks {
 public:
  explicit AttentionTasks(const AttentionParams& params)
      : params_(params),
        group_(params.q.shape.columns() / params.layer.head_dim / params.layer.num_kv_heads) {
    for (std::size_t s = 0; s < sequences(); ++s) count_ += tasks_of(s);
  }

  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::size_t group() const { return group_; }
  [[nodiscard]] std::size_t query_length(std::size_t sequence) const {
    return static_cast<std::size_t>(params_.cu_seqlens_q[sequence + 1] -
                                    params_.cu_seqlens_q[sequence]);
  }

  [[nodiscard]] AttentionTask operator[](std::size_t index) const {
    std::size_t sequence = 0;
    for (; index >= tasks_of(sequence); ++sequence) index -= tasks_of(sequence);
    const std::size_t heads = params_.layer.num_kv_heads;
    const std::size_t tile = tiles_of(sequence) - 1 - index / heads;
    const std::size_t rows = query_length(sequence) * group_;
    return {sequence,
            index % heads,
            {tile * kernels::kAttentionRows, std::min(rows, (tile + 1) * kernels::kAttentionRows)}};
  }

 private:
  [[nodiscard]] std::size_t sequences() const { return params_.context_lens.size(); }
  [[nodiscard]] std::size_t tiles_of(std::size_t sequence) const {
    return (query_length(sequence) * group_ + kernels::kAttentionRows - 1) /
           kernels::kAttentionRows;
  }
  [[nodiscard]] std::size_t tasks_of(std::size_t sequence) const {
    return tiles_of(sequence) * params_.layer.num_kv_heads;
  }

  const AttentionParams& params_;
  std::size_t group_;
  std::size_t count_ = 0;
};

}  // namespace bora
