#include "backend/cpu/workers.h"

#include "base/numa_memory.h"

#include <cstring>
#include <vector>

namespace bora {

// Memory that no worker has as its own lies on all nodes in turn, so that no node serves all.
Result<Buffer> Workers::allocate(std::size_t bytes, Fill fill) const {
  Result<Buffer> buffer = Buffer::allocate(bytes, fill);
  if (!buffer || nodes() < 2) return buffer;
  std::vector<int> numbers;
  for (const WorkerGroup& group : pool_->groups()) numbers.push_back(group.node);
  interleave_memory(buffer->bytes(), numbers);
  return buffer;
}

void Workers::copy_weight(TensorView weight, std::size_t rows, std::byte* to) {
  const std::size_t stride = weight.row_bytes();
  const std::size_t matrices = weight.shape.rows() / rows;
  pool_->run_bound([&](int worker) {
    const WorkerGroup& group = pool_->group_of(worker);
    const Range of_group = rows_of(group, rows);
    const Range mine = part_of(of_group.size(), 1, worker - group.first, group.count);
    for (std::size_t m = 0; m < matrices && !mine.empty(); ++m) {
      const std::size_t first = m * rows + of_group.begin + mine.begin;
      std::memcpy(to + first * stride, weight.row(first), mine.size() * stride);
    }
  });
}

}  // namespace bora
