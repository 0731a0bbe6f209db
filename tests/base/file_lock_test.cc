#include "base/file_lock.h"

#include "tests/base/temp_folder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <string>

namespace bora {
namespace {

class FileLockTest : public ::testing::Test {
 protected:
  const testing::TempFolder temp_;
  const std::filesystem::path& folder_ = temp_.path();
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
