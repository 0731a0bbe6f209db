#include "base/version.h"

#include <gtest/gtest.h>

#include <string>

namespace bora {
namespace {

TEST(Version, HasThreeNumbers) {
  EXPECT_TRUE(std::string(version()).find('.') != std::string::npos);
  EXPECT_EQ(version().find_first_not_of("0123456789."), std::string_view::npos) << version();
}

TEST(Version, NamesACommitOrSaysThatItIsUnknown) {
  EXPECT_TRUE(git_commit() == "unknown" ||
              git_commit().find_first_not_of("0123456789abcdef") == std::string_view::npos)
      << git_commit();
  EXPECT_FALSE(git_commit().empty());
}

}  // namespace
}  // namespace bora
