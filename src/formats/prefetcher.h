// Prefetcher: brings tensors from disk into the page cache ahead of the model that reads them, in
// the order in which it will, on one background thread.
//
// It only advises: nothing fails, results do not depend on it, and what is in the cache already is
// skipped. It stops by itself before it would push out of memory what it has read. The checkpoint
// outlives it. One thread owns it; progress() may be called from any.
#pragma once

#include "base/memory.h"
#include "formats/checkpoint.h"
#include "tensor/tensor_view.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stop_token>
#include <thread>
#include <vector>

namespace bora {

class Prefetcher {
 public:
  // Bytes of the tensors named: taken to be in memory, and all.
  struct Progress {
    std::uint64_t done = 0;
    std::uint64_t total = 0;
    bool finished = false;  // also where it stopped early
  };

  // Starts at once. `order`: views of this checkpoint. `budget`: bytes it may bring in.
  Prefetcher(const Checkpoint& checkpoint, std::span<const TensorView> order,
             std::size_t budget = available_memory());

  // Stops.
  ~Prefetcher() = default;
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;
  Prefetcher(Prefetcher&&) = delete;
  Prefetcher& operator=(Prefetcher&&) = delete;

  [[nodiscard]] Progress progress() const;

  // Returns once the thread has ended: within one chunk's read for stop(), at the end for wait().
  void stop();
  void wait();

 private:
  using Chunk = std::span<const std::byte>;

  void run(const std::stop_token& stop);

  std::vector<Chunk> chunks_;  // at most kChunkBytes each, in the order to read
  std::uint64_t total_ = 0;
  std::size_t budget_;
  bool ask_residency_;
  std::atomic<std::uint64_t> done_{0};
  std::atomic<bool> finished_{false};
  std::jthread thread_;  // last: it ends before what it uses
};

}  // namespace bora
