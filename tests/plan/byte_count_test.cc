#include "plan/byte_count.h"

#include <gtest/gtest.h>

#include <utility>

namespace bora {
namespace {

TEST(ByteCount, StopsAtTheLargestNumberInsteadOfWrappingRound) {
  constexpr std::uint64_t kHalf = std::uint64_t{1} << 63;
  EXPECT_EQ(add_bytes(3, 4), 7U);
  EXPECT_EQ(add_bytes(kHalf, kHalf), kUncountable);
  EXPECT_EQ(add_bytes(kUncountable, 1), kUncountable);
  EXPECT_EQ(multiply_bytes(3, 4), 12U);
  EXPECT_EQ(multiply_bytes(std::uint64_t{1} << 32, std::uint64_t{1} << 32), kUncountable);
  EXPECT_EQ(multiply_bytes(kUncountable, 2), kUncountable);
  EXPECT_EQ(multiply_bytes(kUncountable, 0), 0U);
}

TEST(ByteCount, ReadsAsPeopleReadIt) {
  const std::pair<std::uint64_t, std::string_view> cases[] = {
      {0, "0 B"},
      {1023, "1023 B"},
      {1024, "1.00 KiB"},
      {(1 << 20) - 1, "1.00 MiB"},
      {std::uint64_t{8} << 30, "8.00 GiB"},
      {14483464192, "13.49 GiB"},
      {kUncountable - 1, "16.00 EiB"},
      {kUncountable, "16 EiB or more"},
  };
  for (const auto& [bytes, text] : cases) EXPECT_EQ(format_bytes(bytes), text);
}

}  // namespace
}  // namespace bora
