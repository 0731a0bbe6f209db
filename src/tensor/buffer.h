// Buffer: owned, aligned, zero-filled host memory. Move-only.
#pragma once

#include "base/result.h"

#include <cstddef>
#include <memory>
#include <span>

namespace bora {

// How a buffer gets filled: whole, for which huge pages are quickest, or a little here and there,
// where huge pages would be zeroed for a few bytes each.
enum class Fill { kWhole, kSparse };

class Buffer {
 public:
  // Aligned to 64 bytes (a cache line, and the widest vector). Pages are taken from the system when
  // first written, so a large buffer costs nothing until used.
  // Errors: kDoesNotFit where the system refuses.
  static Result<Buffer> allocate(std::size_t bytes, Fill fill = Fill::kWhole);

  // Bytes of all buffers of this process that are alive now: what a plan of the memory is held to.
  // From any thread.
  static std::size_t allocated_bytes();

  Buffer() = default;
  ~Buffer();
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  [[nodiscard]] std::span<std::byte> bytes() { return {data_, size_}; }
  [[nodiscard]] std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace bora
