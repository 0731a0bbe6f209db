#include "base/nearest.h"

#include <gtest/gtest.h>

#include <array>
#include <string_view>

namespace bora {
namespace {

TEST(Nearest, CountsASwapAsOneEdit) {
  const std::array<std::string_view, 3> words = {"--jsonl", "--json", "--threads"};
  EXPECT_EQ(nearest("--jsno", words), "--json");
  EXPECT_EQ(nearest("--xyz", words), "");
}

}  // namespace
}  // namespace bora
