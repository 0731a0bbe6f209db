#include "base/files_below.h"

#include "tests/base/temp_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

namespace bora {
namespace {

namespace fs = std::filesystem;

TEST(FilesBelow, FindsFilesAndLinksAtAnyDepthAndFollowsNone) {
  const testing::TempFolder folder;
  fs::create_directories(folder.path() / "a" / "b");
  std::ofstream(folder.path() / "one") << "1";
  std::ofstream(folder.path() / "a" / "b" / "two") << "2";
  fs::create_directory_symlink("a", folder.path() / "link");
  fs::create_symlink("nowhere", folder.path() / "a" / "broken");
  std::vector<std::string> names;
  for (const fs::path& file : files_below(folder.path())) {
    names.push_back(file.lexically_relative(folder.path()).string());
  }
  EXPECT_THAT(names, ::testing::UnorderedElementsAre("one", "a/b/two", "link", "a/broken"));
}

TEST(FilesBelow, IsEmptyWhereThereIsNoFolder) {
  const testing::TempFolder folder;
  EXPECT_TRUE(files_below(folder.path() / "none").empty());
}

}  // namespace
}  // namespace bora
