#include "base/file_lock.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

namespace bora {
namespace {

class FileLockTest : public ::testing::Test {
 protected:
  FileLockTest() {
    std::string name = (std::filesystem::temp_directory_path() / "bora_lock_XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  ~FileLockTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  FileLockTest(const FileLockTest&) = delete;
  FileLockTest& operator=(const FileLockTest&) = delete;

  std::filesystem::path folder_;
};

TEST_F(FileLockTest, IsRefusedWhileItIsHeldAndGivenAfterwards) {
  const std::filesystem::path path = folder_ / "lock";
  {
    const Result<std::optional<FileLock>> first = FileLock::try_acquire(path);
    ASSERT_TRUE(first && first->has_value());
    const Result<std::optional<FileLock>> second = FileLock::try_acquire(path);
    ASSERT_TRUE(second);
    EXPECT_FALSE(second->has_value());
  }
  const Result<std::optional<FileLock>> third = FileLock::try_acquire(path);
  ASSERT_TRUE(third);
  EXPECT_TRUE(third->has_value());
}

TEST_F(FileLockTest, GivesUpWaitingWhenInterrupted) {
  const std::filesystem::path path = folder_ / "lock";
  const Result<std::optional<FileLock>> holder = FileLock::try_acquire(path);
  ASSERT_TRUE(holder && holder->has_value());
  std::atomic<bool> interrupted = false;
  const Result<FileLock> waiter = FileLock::acquire(
      path, [&] { interrupted = true; }, &interrupted);
  ASSERT_FALSE(waiter);
  EXPECT_EQ(waiter.error().code, ErrorCode::kInterrupted);
}

TEST_F(FileLockTest, NamesAFolderThatIsNotThere) {
  const Result<std::optional<FileLock>> lock = FileLock::try_acquire(folder_ / "no" / "lock");
  ASSERT_FALSE(lock);
  EXPECT_NE(lock.error().message.find("/no/lock: expected a lock, found"), std::string::npos);
}

}  // namespace
}  // namespace bora
