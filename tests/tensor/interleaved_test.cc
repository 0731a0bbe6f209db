#include "tensor/interleaved.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace bora {
namespace {

std::vector<std::byte> numbered(std::size_t bytes) {
  std::vector<std::byte> all(bytes);
  for (std::size_t i = 0; i < bytes; ++i) all[i] = static_cast<std::byte>(i % 251);
  return all;
}

// Rows of two blocks of q8_0: the scales of a block of all rows, those of the next; then words.
TEST(InterleavedRows, AreScalesAndThenWordsOfAllRows) {
  constexpr std::size_t kStride = 70;  // 68 and a gap
  const std::vector<std::byte> rows = numbered(4 * kStride);
  std::vector<std::byte> to(4 * 68 + 1, std::byte{255});
  interleave_rows(DType::kQ8_0, rows.data(), kStride, 64, 4, to.data());
  std::size_t at = 0;
  const auto expect_beside = [&](std::size_t offset, std::size_t bytes) {
    for (std::size_t r = 0; r < 4; ++r) {
      for (std::size_t i = 0; i < bytes; ++i, ++at) {
        ASSERT_EQ(to[at], rows[r * kStride + offset + i]) << at;
      }
    }
  };
  expect_beside(0, 2);
  expect_beside(34, 2);
  for (const std::size_t block : {0U, 34U}) {
    for (std::size_t word = 0; word < 8; ++word) expect_beside(block + 2 + 4 * word, 4);
  }
  EXPECT_EQ(to[at], std::byte{255});
}

// A block of q6_k: its scale, the scales, then high bits before the nibbles that they complete.
TEST(InterleavedRows, HoldTheBytesOfQ6KAsTheyAreRead) {
  const std::vector<std::byte> rows = numbered(210);
  std::vector<std::byte> to(210);
  interleave_rows(DType::kQ6K, rows.data(), 210, 256, 1, to.data());
  std::vector<std::byte> want{rows[208], rows[209]};
  for (const std::size_t piece : {192, 128, 0, 32, 144, 16, 48, 160, 64, 96, 176, 80, 112}) {
    want.insert(want.end(), rows.begin() + piece, rows.begin() + piece + 16);
  }
  EXPECT_EQ(to, want);
}

// Whatever the type, nothing is lost or written twice.
TEST(InterleavedRows, HoldEveryByteOnce) {
  for (const DTypeInfo& type : kDTypes) {
    if (type.block_values == 1) continue;
    const std::size_t columns = 3 * std::size_t{256} + (type.block_values == 32 ? 96 : 0);
    const std::size_t stride = row_bytes(type.dtype, columns);
    for (std::size_t byte = 0; byte < 2 * stride; ++byte) {
      std::vector<std::byte> rows(2 * stride);
      rows[byte] = std::byte{1};
      std::vector<std::byte> to(2 * stride, std::byte{7});
      interleave_rows(type.dtype, rows.data(), stride, columns, 2, to.data());
      ASSERT_EQ(std::count(to.begin(), to.end(), std::byte{1}), 1) << type.name << " " << byte;
      ASSERT_EQ(std::count(to.begin(), to.end(), std::byte{0}), to.size() - 1) << type.name;
    }
  }
}

}  // namespace
}  // namespace bora
