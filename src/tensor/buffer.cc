#include "tensor/buffer.h"

#include <atomic>
#include <string>
#include <sys/mman.h>
#include <utility>

namespace bora {
namespace {

std::atomic<std::size_t> total_allocated = 0;

}  // namespace

std::size_t Buffer::allocated_bytes() { return total_allocated.load(std::memory_order_relaxed); }

Result<Buffer> Buffer::allocate(std::size_t bytes, Fill fill) {
  Buffer buffer;
  if (bytes == 0) return buffer;
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    return Error{ErrorCode::kDoesNotFit,
                 "memory: the system refused " + std::to_string(bytes) + " bytes",
                 {"use a smaller --ctx, or close other programs"}};
  }
  constexpr std::size_t kHugePage = std::size_t{2} << 20;
  if (fill == Fill::kWhole && bytes >= kHugePage) madvise(memory, bytes, MADV_HUGEPAGE);
  buffer.data_ = static_cast<std::byte*>(memory);
  buffer.size_ = bytes;
  total_allocated.fetch_add(bytes, std::memory_order_relaxed);
  return buffer;
}

Buffer::~Buffer() {
  if (data_ == nullptr) return;
  munmap(data_, size_);
  total_allocated.fetch_sub(size_, std::memory_order_relaxed);
}

Buffer::Buffer(Buffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

}  // namespace bora
