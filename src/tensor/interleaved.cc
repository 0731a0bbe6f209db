#include "tensor/interleaved.h"

#include <algorithm>
#include <cstring>

namespace bora {
namespace {

// The kBytes at `from` of each row, next to each other.
template <std::size_t kBytes>
void put_beside(const std::byte* from, std::size_t stride, std::size_t lanes, std::byte* to) {
  for (std::size_t r = 0; r < lanes; ++r) {
    std::memcpy(to + r * kBytes, from + r * stride, kBytes);
  }
}

}  // namespace

void interleave_rows(DType dtype, const std::byte* rows, std::size_t stride, std::size_t columns,
                     std::size_t lanes, std::byte* to) {
  const BlockParts parts = block_parts(dtype);
  const std::size_t block_values = info(dtype).block_values;
  const std::size_t block_bytes = info(dtype).block_bytes;
  for (std::size_t k = 0; k < columns; k += kInterleavedGroup) {
    const std::size_t blocks = std::min(kInterleavedGroup, columns - k) / block_values;
    for (std::size_t b = 0; b < blocks && parts.head_bytes > 0; ++b) {
      const std::byte* head = rows + b * block_bytes + parts.head_offset;
      if (parts.head_bytes == 4) {
        put_beside<4>(head, stride, lanes, to);
      } else {
        put_beside<2>(head, stride, lanes, to);
      }
      to += parts.head_bytes * lanes;
    }
    for (std::size_t b = 0; b < blocks; ++b) {
      const std::byte* words = rows + b * block_bytes + parts.words_offset;
      for (std::size_t i = 0; i < parts.word_bytes; i += 4) {
        put_beside<4>(words + i, stride, lanes, to + word_place(dtype, i) * lanes);
      }
      to += parts.word_bytes * lanes;
    }
    rows += blocks * block_bytes;
  }
}

}  // namespace bora
