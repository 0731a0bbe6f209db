#include "base/mapped_file.h"

#include "tests/base/temp_folder.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace bora {
namespace {

namespace fs = std::filesystem;

class MappedFileTest : public ::testing::Test {
 protected:
  fs::path write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return folder_ / name;
  }

  const testing::TempFolder temp_;
  const fs::path& folder_ = temp_.path();
};

std::string text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

TEST_F(MappedFileTest, ShowsTheBytesOfTheFile) {
  const fs::path path = write("a", "hello");
  const Result<MappedFile> file = MappedFile::open(path);
  ASSERT_TRUE(file);
  EXPECT_EQ(text_of(*file), "hello");
  EXPECT_EQ(file->path(), path);
}

TEST_F(MappedFileTest, KeepsItsBytesWhenMoved) {
  Result<MappedFile> opened = MappedFile::open(write("a", "hello"));
  ASSERT_TRUE(opened);
  MappedFile moved = std::move(*opened);
  EXPECT_EQ(text_of(moved), "hello");
  Result<MappedFile> other = MappedFile::open(write("b", "world"));
  ASSERT_TRUE(other);
  moved = std::move(*other);
  EXPECT_EQ(text_of(moved), "world");
}

TEST_F(MappedFileTest, ShowsAnEmptyFileAsAnEmptySpan) {
  const Result<MappedFile> file = MappedFile::open(write("empty", ""));
  ASSERT_TRUE(file);
  EXPECT_TRUE(file->bytes().empty());
  file->will_need(0, 100);
}

TEST_F(MappedFileTest, TakesAdviceOutsideTheFile) {
  const Result<MappedFile> file = MappedFile::open(write("a", "hello"));
  ASSERT_TRUE(file);
  file->will_need(0, SIZE_MAX);
  file->will_need(3, SIZE_MAX);
  file->will_need(SIZE_MAX, SIZE_MAX);
  file->done_with(SIZE_MAX, 1);
  EXPECT_EQ(text_of(*file), "hello");
}

TEST_F(MappedFileTest, KeepsItsBytesWhenItsPagesAreGivenBack) {
  const std::string text(20000, 'x');
  const Result<MappedFile> file = MappedFile::open(write("a", text));
  ASSERT_TRUE(file);
  EXPECT_EQ(text_of(*file), text);
  file->done_with(0, SIZE_MAX);
  EXPECT_EQ(text_of(*file), text);
}

TEST_F(MappedFileTest, SaysThatAFileIsMissing) {
  const Result<MappedFile> file = MappedFile::open(folder_ / "none");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(file.error().message,
            (folder_ / "none").string() + ": expected a readable file, found nothing there");
}

TEST_F(MappedFileTest, RefusesFoldersAndPipes) {
  const Result<MappedFile> folder = MappedFile::open(folder_);
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().code, ErrorCode::kBadModel);
  EXPECT_EQ(folder.error().message, folder_.string() + ": expected a regular file, found a folder");

  ASSERT_EQ(mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  const Result<MappedFile> pipe = MappedFile::open(folder_ / "pipe");
  ASSERT_FALSE(pipe);
  EXPECT_EQ(pipe.error().code, ErrorCode::kBadModel);
}

TEST_F(MappedFileTest, SaysThatAFileIsNotAllowed) {
  if (geteuid() == 0) GTEST_SKIP() << "root may read everything";
  const fs::path path = write("secret", "x");
  fs::permissions(path, fs::perms::none);
  const Result<MappedFile> file = MappedFile::open(path);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kNotFound);
}

TEST_F(MappedFileTest, ReadsSmallTextFilesUpToTheLimit) {
  const fs::path path = write("a", "hello");
  const Result<std::string> text = read_text_file(path, 5);
  ASSERT_TRUE(text);
  EXPECT_EQ(*text, "hello");
  const Result<std::string> too_long = read_text_file(path, 4);
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().code, ErrorCode::kBadModel);
  EXPECT_EQ(too_long.error().message, path.string() + ": expected at most 4 bytes, found more");
}

TEST_F(MappedFileTest, ReadsFilesWhoseSizeTheSystemDoesNotState) {
  const Result<std::string> text = read_text_file("/proc/self/status", 1 << 20);
  ASSERT_TRUE(text);
  EXPECT_FALSE(text->empty());
  EXPECT_FALSE(read_text_file("/proc/self/status", 10));
}

using MappedFileDeathTest = MappedFileTest;

char last_byte_of(const MappedFile& file) {
  const volatile std::byte* last = file.bytes().data() + file.bytes().size() - 1;
  return static_cast<char>(*last);
}

TEST_F(MappedFileDeathTest, NamesTheFileThatWasTruncatedWhileInUse) {
  const fs::path path = write("model", std::string(100000, 'x'));
  EXPECT_EXIT(
      {
        install_sigbus_guard();
        Result<MappedFile> file = MappedFile::open(path);
        MappedFile moved = std::move(*file);
        fs::resize_file(path, 10);
        last_byte_of(moved);
      },
      ::testing::ExitedWithCode(3),
      "^bora: .*/model: expected 100000 bytes, found fewer: the file was truncated while in "
      "use\n$");
}

TEST_F(MappedFileDeathTest, LeavesOtherBusErrorsToTheSystem) {
  const fs::path path = write("model", std::string(100000, 'x'));
  EXPECT_EXIT(
      {
        install_sigbus_guard();
        { Result<MappedFile> closed = MappedFile::open(path); }
        std::raise(SIGBUS);
        std::raise(SIGBUS);
      },
      ::testing::KilledBySignal(SIGBUS), "");
}

}  // namespace
}  // namespace bora
