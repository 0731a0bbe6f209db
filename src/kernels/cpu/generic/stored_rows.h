// Where kLanes rows of a quantized type lie, and how their words come to the lanes of vectors: a
// lane is a row.
#pragma once

#include "kernels/cpu/generic/weight_codes.h"
#include "tensor/interleaved.h"

namespace bora::kernels::generic {

static_assert(kInterleavedGroup == kGroupValues);

template <class Simd>
using I32 = typename Simd::I32;

// A group of rows that lie one after the other, as in a file.
template <class Simd, DType kType>
struct SeparateRows {
  static constexpr bool kInterleaved = false;
  static constexpr std::size_t kGroupBytes = CodeFormat<kType>::kGroupBytes;  // to the next group
  static constexpr std::size_t kBlockBytes = info(kType).block_bytes;

  const std::byte* first;
  std::size_t stride;  // bytes from row to row

  [[gnu::always_inline]] SeparateRows(const std::byte* group, std::size_t row_stride,
                                      std::size_t /*values*/)
      : first(group), stride(row_stride) {}

  // v[i]: bytes [offset + 4i, offset + 4i + 4) of the rows' blocks of that number.
  [[gnu::always_inline]] void words(std::size_t block, std::size_t offset,
                                    I32<Simd> (&v)[4]) const {
    Simd::load_quads(first + block * kBlockBytes + offset, stride, v);
  }
};

// The same of rows that lie interleaved (tensor/interleaved.h).
template <class Simd, DType kType>
struct InterleavedRows {
  static constexpr bool kInterleaved = true;
  static constexpr std::size_t kGroupBytes = CodeFormat<kType>::kGroupBytes * Simd::kLanes;
  static constexpr BlockParts kParts = block_parts(kType);
  static constexpr std::size_t kBlockBytes = info(kType).block_bytes;
  static constexpr std::size_t kBlockValues = info(kType).block_values;

  const std::byte* heads;
  const std::byte* first;  // of the words

  [[gnu::always_inline]] InterleavedRows(const std::byte* group, std::size_t /*row_stride*/,
                                         std::size_t values)
      : heads(group), first(group + values / kBlockValues * kParts.head_bytes * Simd::kLanes) {}

  [[gnu::always_inline]] const std::byte* head(std::size_t block) const {
    return heads + block * kParts.head_bytes * Simd::kLanes;
  }
  [[gnu::always_inline]] const std::byte* word(std::size_t block, std::size_t offset) const {
    const std::size_t place = word_place(kType, offset - kParts.words_offset);
    return first + (block * kParts.word_bytes + place) * Simd::kLanes;
  }
  [[gnu::always_inline]] void words(std::size_t block, std::size_t offset,
                                    I32<Simd> (&v)[4]) const {
#pragma GCC unroll 4
    for (std::size_t i = 0; i < 4; ++i) {
      v[i] = Simd::load_i32(reinterpret_cast<const std::int32_t*>(word(block, offset + 4 * i)));
    }
  }
};

// The interleaved rows of a group as they lie in a file, `stride` bytes apart.
template <class Simd, DType kType>
[[gnu::always_inline]] inline void separate_rows(const std::byte* group, std::size_t values,
                                                 std::byte* to, std::size_t stride) {
  using Rows = InterleavedRows<Simd, kType>;
  constexpr BlockParts kParts = Rows::kParts;
  const Rows rows(group, 0, values);
  for (std::size_t b = 0; b < values / Rows::kBlockValues; ++b) {
    std::byte* block = to + b * Rows::kBlockBytes;
    if constexpr (kParts.head_bytes > 0) {
      for (std::size_t r = 0; r < Simd::kLanes; ++r) {
        __builtin_memcpy(block + r * stride + kParts.head_offset,
                         rows.head(b) + r * kParts.head_bytes, kParts.head_bytes);
      }
    }
    for (std::size_t i = 0; i < kParts.word_bytes; i += 16) {
      I32<Simd> v[4];
      rows.words(b, kParts.words_offset + i, v);
      Simd::store_quads(block + kParts.words_offset + i, stride, v);
    }
  }
}

// One of them.
template <class Simd, DType kType>
[[gnu::always_inline]] inline void separate_row(const std::byte* group, std::size_t values,
                                                std::size_t lane, std::byte* to) {
  using Rows = InterleavedRows<Simd, kType>;
  constexpr BlockParts kParts = Rows::kParts;
  const Rows rows(group, 0, values);
  for (std::size_t b = 0; b < values / Rows::kBlockValues; ++b) {
    std::byte* block = to + b * Rows::kBlockBytes;
    __builtin_memcpy(block + kParts.head_offset, rows.head(b) + lane * kParts.head_bytes,
                     kParts.head_bytes);
    for (std::size_t i = kParts.words_offset; i < kParts.words_offset + kParts.word_bytes; i += 4) {
      __builtin_memcpy(block + i, rows.word(b, i) + 4 * lane, 4);
    }
  }
}

}  // namespace bora::kernels::generic
