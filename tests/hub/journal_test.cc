#include "hub/journal.h"

#include "base/mapped_file.h"
#include "tests/base/temp_folder.h"

#include <gtest/gtest.h>

namespace bora {
namespace {

const std::string kEtag(64, 'e');

class JournalTest : public ::testing::Test {
 protected:
  // A journal of a file of 250 bytes in chunks of 100, with what a download would add.
  std::string filled() {
    const std::filesystem::path path = folder_.path() / "journal";
    JournalContents begin;
    begin.header = {250, 100, kEtag};
    Result<Journal> journal = Journal::create(path, begin);
    EXPECT_TRUE(journal);
    EXPECT_TRUE(journal->add(JournalChunk{.offset = 100, .length = 100, .checksum = 7}));
    EXPECT_TRUE(journal->add(JournalChunk{.offset = 0, .length = 100, .checksum = 8}));
    EXPECT_TRUE(journal->add(JournalHash{.offset = 100, .state = "00ff"}));
    EXPECT_TRUE(journal->add(JournalChunk{.offset = 200, .length = 50, .checksum = 9}));
    return *read_text_file(path, 10'000);
  }

  testing::TempFolder folder_;
};

TEST_F(JournalTest, SaysWhatWasAdded) {
  const JournalContents contents = read_journal(filled());
  EXPECT_EQ(contents.header, (JournalHeader{250, 100, kEtag}));
  ASSERT_EQ(contents.chunks.size(), 3U);
  EXPECT_EQ(contents.chunks[0].offset, 100U);
  EXPECT_EQ(contents.chunks[0].checksum, 7U);
  EXPECT_EQ(contents.chunks[2].length, 50U);
  ASSERT_EQ(contents.hashes.size(), 1U);
  EXPECT_EQ(contents.hashes[0].state, "00ff");
}

TEST_F(JournalTest, CountsNoLineThatWasTorn) {
  const std::string text = filled();
  std::size_t chunks = 0;
  for (std::size_t size = 0; size <= text.size(); ++size) {
    const JournalContents contents = read_journal(std::string_view(text).substr(0, size));
    EXPECT_GE(contents.chunks.size(), chunks) << size;
    chunks = contents.chunks.size();
  }
  EXPECT_EQ(chunks, 3U);
}

TEST_F(JournalTest, CountsNoLineWithAnotherBit) {
  const std::string text = filled();
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string damaged = text;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    const JournalContents contents = read_journal(damaged);
    EXPECT_LT(contents.chunks.size() + contents.hashes.size(), 4U) << at;
  }
}

TEST_F(JournalTest, KnowsOnlyChunksOfItsFile) {
  const std::filesystem::path path = folder_.path() / "other";
  for (const JournalChunk& wrong :
       {JournalChunk{.offset = 300, .length = 100}, JournalChunk{.offset = 50, .length = 100},
        JournalChunk{.offset = 200, .length = 100}, JournalChunk{.offset = 0, .length = 0}}) {
    JournalContents contents;
    contents.header = {250, 100, kEtag};
    contents.chunks = {wrong};
    ASSERT_TRUE(Journal::create(path, contents));
    EXPECT_TRUE(read_journal(*read_text_file(path, 10'000)).chunks.empty());
  }
}

}  // namespace
}  // namespace bora
