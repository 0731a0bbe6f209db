#include "hub/partial_file.h"

#include "base/checksum.h"
#include "tests/base/temp_folder.h"
#include "tests/hub/fake_hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace bora {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::noise;

constexpr std::uint64_t kChunk = 6400;

class PartialFileTest : public ::testing::Test {
 protected:
  PartialFileTest() : content_(noise(20'000, 3)), blob_(folder_.path() / "blob") {
    file_ = {"model.safetensors", content_.size(), testing::hash_of(content_, 64)};
  }
  std::unique_ptr<PartialFile> open() {
    Result<std::unique_ptr<PartialFile>> file = PartialFile::open(blob_, file_, kChunk, nullptr);
    EXPECT_TRUE(file) << file.error().message;
    return *std::move(file);
  }
  std::span<const std::byte> bytes(ByteRange range) const {
    return std::as_bytes(std::span(content_)).subspan(range.begin, range.end - range.begin);
  }
  void fill(PartialFile& file, std::size_t chunk) const {
    const ByteRange range = file.range(chunk);
    ASSERT_TRUE(file.write(range.begin, bytes(range)));
    ASSERT_TRUE(file.finish_chunk(chunk, checksum(bytes(range))));
  }
  static void hash(PartialFile& file) {
    while (*file.hash_some()) {
    }
  }
  static std::string text_of(const fs::path& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  testing::TempFolder folder_;
  std::string content_;
  fs::path blob_;
  RemoteFile file_;
};

TEST_F(PartialFileTest, AppearsUnderItsNameOnlyWhenItIsWhole) {
  const std::unique_ptr<PartialFile> file = open();
  ASSERT_EQ(file->chunks(), 4U);
  for (const std::size_t chunk : {3U, 1U, 0U, 2U}) {
    EXPECT_FALSE(file->hashed());
    EXPECT_FALSE(fs::exists(blob_));
    fill(*file, chunk);
    hash(*file);
  }
  ASSERT_TRUE(file->hashed());
  ASSERT_TRUE(file->publish());
  EXPECT_EQ(text_of(blob_), content_);
  EXPECT_FALSE(fs::exists(PartialFile::data_path(blob_)));
  EXPECT_FALSE(fs::exists(PartialFile::journal_path(blob_)));
}

TEST_F(PartialFileTest, IsTakenUpByALaterProcessWithItsHash) {
  {
    const std::unique_ptr<PartialFile> first = open();
    fill(*first, 0);
    fill(*first, 1);
    fill(*first, 3);
    hash(*first);
  }
  EXPECT_THAT(text_of(PartialFile::journal_path(blob_)), HasSubstr("\nhash 12800 "));
  const std::unique_ptr<PartialFile> second = open();
  EXPECT_TRUE(second->has(0) && second->has(1) && second->has(3));
  EXPECT_FALSE(second->has(2));
  EXPECT_EQ(second->kept_bytes(), content_.size() - kChunk);
  EXPECT_FALSE(*second->hash_some());  // all that is contiguous has been hashed
  fill(*second, 2);
  hash(*second);
  EXPECT_TRUE(second->publish());
}

TEST_F(PartialFileTest, FetchesAgainWhatIsNotWhatTheJournalSays) {
  {
    const std::unique_ptr<PartialFile> first = open();
    fill(*first, 0);
    fill(*first, 1);
    hash(*first);
  }
  std::fstream(PartialFile::data_path(blob_), std::ios::in | std::ios::out | std::ios::binary)
          .seekp(10)
      << "?";
  const std::unique_ptr<PartialFile> second = open();
  EXPECT_FALSE(second->has(0));
  EXPECT_TRUE(second->has(1));
  for (const std::size_t chunk : {0U, 2U, 3U}) fill(*second, chunk);
  hash(*second);
  EXPECT_TRUE(second->publish());
}

TEST_F(PartialFileTest, BelievesNoJournalWithoutItsData) {
  {
    const std::unique_ptr<PartialFile> first = open();
    fill(*first, 0);
  }
  fs::remove(PartialFile::data_path(blob_));
  EXPECT_EQ(open()->kept_bytes(), 0U);
}

TEST_F(PartialFileTest, BelievesNoJournalOfOtherContent) {
  {
    const std::unique_ptr<PartialFile> first = open();
    fill(*first, 0);
  }
  file_.etag = std::string(64, 'a');
  EXPECT_EQ(open()->kept_bytes(), 0U);
}

TEST_F(PartialFileTest, IsDiscardedWhereTheHashIsWrong) {
  content_[7] ^= 1;  // the file's etag is of the content before
  const std::unique_ptr<PartialFile> file = open();
  for (std::size_t chunk = 0; chunk < file->chunks(); ++chunk) fill(*file, chunk);
  hash(*file);
  const Result<void> published = file->publish();
  ASSERT_FALSE(published);
  EXPECT_EQ(published.error().code, ErrorCode::kFailed);
  EXPECT_THAT(published.error().message,
              HasSubstr("model.safetensors: expected SHA-256 " + file_.etag + ", found "));
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

TEST_F(PartialFileTest, MayBeEmpty) {
  content_.clear();
  file_ = {"empty", 0, testing::hash_of("", 40)};
  const std::unique_ptr<PartialFile> file = open();
  EXPECT_EQ(file->chunks(), 0U);
  EXPECT_TRUE(file->hashed());
  EXPECT_TRUE(file->publish());
  EXPECT_TRUE(fs::exists(blob_));
}

}  // namespace
}  // namespace bora
