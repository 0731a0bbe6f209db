// Interleaved rows: how the rows of a quantized weight may lie in memory of the process's own, so
// that one load of a kernel reads the same bytes of several rows and a thread reads one stream.
//
// `lanes` rows lie together, in as many bytes as one after the other: a tile. Within it their
// groups of 256 values (the last one may be shorter) follow each other. Of a group of n blocks:
//
//   | heads: n times lanes x head_bytes | words: n times words of a block times lanes x 4 bytes |
//
// A head is what does not come in words of four bytes, and scales that kernels read alike: the
// scale of q8_0, q4_0 and q6_k, the scale and minimum of q4_1. The rest of a block are its words,
// sixteen bytes of which make a piece; pieces may lie in another order than in a file.
#pragma once

#include "tensor/blocks.h"
#include "tensor/dtype.h"

#include <cstddef>
#include <cstdint>

namespace bora {

inline constexpr std::size_t kInterleavedGroup = kSuperBlockValues;

// Of a block as it lies in a file.
struct BlockParts {
  std::size_t head_offset;
  std::size_t head_bytes;
  std::size_t words_offset;
  std::size_t word_bytes;  // of all words: a multiple of 16
};

// Precondition: a quantized type.
constexpr BlockParts block_parts(DType dtype) {
  const std::size_t bytes = info(dtype).block_bytes;
  switch (dtype) {
    case DType::kQ8_0:
    case DType::kQ4_0:
      return {0, 2, 2, bytes - 2};
    case DType::kQ4_1:
      return {0, 4, 4, bytes - 4};
    case DType::kQ6K:
      return {bytes - 2, 2, 0, bytes - 2};
    default:
      return {0, 0, 0, bytes};
  }
}

// Where the byte `at` of a block's words in a file comes among those of an interleaved block:
// pieces lie in the order in which kernels read them.
constexpr std::size_t word_place(DType dtype, std::size_t at) {
  // The scales; then, four times, sixteen bytes of high bits and the nibbles that they complete.
  constexpr std::uint8_t kPiecesOfQ6K[] = {2, 5, 3, 6, 8, 11, 9, 12, 1, 4, 7, 10, 0};
  return dtype == DType::kQ6K ? std::size_t{16} * kPiecesOfQ6K[at / 16] + at % 16 : at;
}

// Writes `lanes` rows of `columns` values each, `stride` bytes apart, interleaved to `to`. Any
// alignment; no alias.
void interleave_rows(DType dtype, const std::byte* rows, std::size_t stride, std::size_t columns,
                     std::size_t lanes, std::byte* to);

}  // namespace bora
