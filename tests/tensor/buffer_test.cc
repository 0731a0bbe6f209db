#include "tensor/buffer.h"

#include <gtest/gtest.h>

#include <limits>
#include <utility>

namespace bora {
namespace {

TEST(Buffer, CountsWhatIsAlive) {
  const std::size_t before = Buffer::allocated_bytes();
  {
    Result<Buffer> first = Buffer::allocate(1000);
    const Result<Buffer> second = Buffer::allocate(24, Fill::kSparse);
    ASSERT_TRUE(first && second);
    EXPECT_EQ(Buffer::allocated_bytes() - before, 1024U);
    const Buffer moved = *std::move(first);
    EXPECT_EQ(Buffer::allocated_bytes() - before, 1024U);
    EXPECT_EQ(moved.bytes().size(), 1000U);
  }
  EXPECT_EQ(Buffer::allocated_bytes(), before);
}

TEST(Buffer, CountsNothingWhereTheSystemRefuses) {
  const std::size_t before = Buffer::allocated_bytes();
  const Result<Buffer> buffer = Buffer::allocate(std::numeric_limits<std::size_t>::max() / 2);
  ASSERT_FALSE(buffer);
  EXPECT_EQ(buffer.error().code, ErrorCode::kDoesNotFit);
  EXPECT_EQ(Buffer::allocated_bytes(), before);
  EXPECT_TRUE(Buffer::allocate(0));
  EXPECT_EQ(Buffer::allocated_bytes(), before);
}

}  // namespace
}  // namespace bora
