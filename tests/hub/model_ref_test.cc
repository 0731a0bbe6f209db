#include "hub/model_ref.h"

#include <gtest/gtest.h>

namespace bora {
namespace {

TEST(ModelRef, HasARevisionAndAFile) {
  const std::optional<ModelRef> plain = parse_model_ref("mistralai/Mistral-7B-v0.1");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->repo, "mistralai/Mistral-7B-v0.1");
  EXPECT_EQ(plain->revision, "main");
  EXPECT_EQ(plain->file, "");
  const std::optional<ModelRef> full = parse_model_ref("o/m@refs/pr/1:sub/a.Q4_K_M.gguf");
  ASSERT_TRUE(full);
  EXPECT_EQ(full->repo, "o/m");
  EXPECT_EQ(full->revision, "refs/pr/1");
  EXPECT_EQ(full->file, "sub/a.Q4_K_M.gguf");
  EXPECT_EQ(full->text(), "o/m@refs/pr/1:sub/a.Q4_K_M.gguf");
}

TEST(ModelRef, IsNothingThatCouldLeadOutOfTheCache) {
  for (const char* text :
       {"",       "name",   "a/b/c",      "/a/b",          "../x",        "a/..", "./a",
        "a/.b",   "-a/b",   "a--b/c",     "a/b--c",        "o/m@../x",    "o/m@", "o/m@a..b",
        "o/m@/x", "o/m@x/", "o/m@.git",   "o/m:../x.gguf", "o/m:/x.gguf", "o/m:", "o/m ",
        "o/m\n",  "o/m?x",  "https://o/m"}) {
    EXPECT_FALSE(parse_model_ref(text)) << text;
  }
}

TEST(FileName, StaysInsideOfTheRepository) {
  for (const char* name : {"config.json", "sub/a.json", "a b.txt", "..a", "a..b/c", "\xC3\xA4"}) {
    EXPECT_TRUE(check_file_name(name)) << name;
  }
  for (const std::string& name :
       {std::string(), std::string("../../x"), std::string("/etc/passwd"), std::string("a//b"),
        std::string("a/./b"), std::string("a/.."), std::string("a/"), std::string("a\0b", 3),
        std::string("a\nb"), std::string("a\\b"), std::string(300, 'a')}) {
    const Result<void> checked = check_file_name(name);
    ASSERT_FALSE(checked) << name;
    EXPECT_EQ(checked.error().code, ErrorCode::kBadModel);
  }
}

}  // namespace
}  // namespace bora
