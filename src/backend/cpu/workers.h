// Workers: the pool that computes ops, and how rows are cut among its workers and NUMA nodes.
#pragma once

#include "backend/cpu/split.h"
#include "base/thread_pool.h"
#include "tensor/buffer.h"
#include "tensor/tensor_view.h"

#include <cstddef>
#include <memory>
#include <utility>

namespace bora {

class Workers {
 public:
  // `row_tile`: rows of a weight that are not cut.
  Workers(std::unique_ptr<ThreadPool> pool, std::size_t row_tile)
      : pool_(std::move(pool)), row_tile_(row_tile) {}

  [[nodiscard]] ThreadPool& pool() { return *pool_; }
  [[nodiscard]] int count() const { return pool_->threads(); }
  [[nodiscard]] int nodes() const { return static_cast<int>(pool_->groups().size()); }
  [[nodiscard]] std::size_t row_tile() const { return row_tile_; }

  // Calls work(range) on the workers with their parts of [0, items), or here where there is too
  // little to do for more than one.
  template <class Work>
  void share(std::size_t items, std::size_t values_per_item, const Work& work) {
    // Below this many values an op is done before a second worker would have begun.
    constexpr std::size_t kValuesWorthSharing = 8192;
    if (items == 0) return;
    if (items == 1 || items * values_per_item < kValuesWorthSharing) {
      work(Range{0, items});
      return;
    }
    pool_->run([&](int worker) {
      const Range range = part_of(items, 1, worker, count());
      if (!range.empty()) work(range);
    });
  }

  // The rows of a weight that a group reads: whole tiles, but for the end of the last.
  [[nodiscard]] Range rows_of(const WorkerGroup& group, std::size_t rows) const {
    return part_of_group(rows, row_tile_, group.first, group.count, count());
  }

  // As Backend::allocate().
  [[nodiscard]] Result<Buffer> allocate(std::size_t bytes, Fill fill) const;
  // As Backend::copy_weight(), `interleaved` rows together: 1, or such that it divides the rows and
  // row_tile().
  void copy_rows(TensorView weight, std::size_t interleaved, std::byte* to);

 private:
  std::unique_ptr<ThreadPool> pool_;
  std::size_t row_tile_;
};

}  // namespace bora
