#include "backend/cpu/workers.h"

#include "base/numa_memory.h"
#include "tensor/interleaved.h"

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

void Workers::copy_rows(TensorView weight, std::size_t interleaved, std::byte* to) {
  const std::size_t stride = weight.row_bytes();
  pool_->run_bound([&](int worker) {
    const WorkerGroup& group = pool_->group_of(worker);
    const Range of_group = rows_of(group, weight.shape.rows());
    const Range mine = part_of(of_group.size(), interleaved, worker - group.first, group.count);
    if (mine.empty()) return;
    const std::size_t first = of_group.begin + mine.begin;
    if (interleaved == 1) {
      std::memcpy(to + first * stride, weight.row(first), mine.size() * stride);
      return;
    }
    for (std::size_t row = first; row < first + mine.size(); row += interleaved) {
      interleave_rows(weight.dtype, weight.row(row), stride, weight.shape.columns(), interleaved,
                      to + row * stride);
    }
  });
}

}  // namespace bora
