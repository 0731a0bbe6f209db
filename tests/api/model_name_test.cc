#include "api/model_name.h"

#include "tests/base/temp_folder.h"

#include <gtest/gtest.h>

namespace bora {
namespace {

namespace fs = std::filesystem;

TEST(ModelName, IsTheFilesOrFolders) {
  const testing::TempFolder folder;
  const fs::path file = folder.write("a.gguf", "GGUF");
  fs::create_symlink(file, folder.path() / "link");
  EXPECT_EQ(model_name(file), "a.gguf");
  EXPECT_EQ(model_name(folder.path() / "link"), "a.gguf");
  EXPECT_EQ(model_name(folder.path() / "."), folder.path().filename().string());
  EXPECT_EQ(model_name("no/such/model"), "model");
}

TEST(ModelName, OfASnapshotIsTheRepositorys) {
  const fs::path snapshot = "/cache/hub/models--owner--my--model/snapshots/0123abcd";
  EXPECT_EQ(model_name(snapshot), "owner/my--model");
  EXPECT_EQ(model_name(snapshot / ""), "owner/my--model");
  EXPECT_EQ(model_name(snapshot / "sub" / "x.gguf"), "owner/my--model:sub/x.gguf");
  EXPECT_EQ(model_name("/models--a--b/blobs/0123"), "0123");
  EXPECT_EQ(model_name("/models--a--b/snapshots"), "snapshots");
  EXPECT_EQ(model_name("/models--a--b"), "models--a--b");
}

}  // namespace
}  // namespace bora
