// Journal: what is known to lie in an unfinished file, a line of text for each chunk.
//
//   bora-journal 1 BYTES CHUNK_BYTES ETAG CHECK
//   chunk OFFSET LENGTH XXH3 CHECK     these bytes came whole, and were on the disk before this
//   line hash OFFSET STATE CHECK            the hash of all before OFFSET, as BlobDigest::save()
//   gives it
//
// CHECK is the XXH3 of the line before it, so that a line that was torn, or is of other bytes than
// ours, does not count; nor do those after it. A journal for another size or hash counts as none.
// Owner: one thread at a time.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace bora {

// What the file will be, and how it is cut.
struct JournalHeader {
  std::uint64_t bytes = 0;
  std::uint64_t chunk_bytes = 0;  // of all chunks but the last
  std::string etag;
  friend bool operator==(const JournalHeader&, const JournalHeader&) = default;
};

struct JournalChunk {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::uint64_t checksum = 0;
};

struct JournalHash {
  std::uint64_t offset = 0;
  std::string state;
};

struct JournalContents {
  JournalHeader header;
  std::vector<JournalChunk> chunks;
  std::vector<JournalHash> hashes;
};

// What `text` says, up to the first line that does not hold. A header of zeros: nothing does.
// Chunks outside of the file or off its grid do not hold.
JournalContents read_journal(std::string_view text);

class Journal {
 public:
  // Writes a new journal in place of what is there, with what `contents` holds.
  static Result<Journal> create(const std::filesystem::path& path, const JournalContents& contents);
  ~Journal();
  Journal(Journal&& other) noexcept;
  Journal& operator=(Journal&&) = delete;
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  Result<void> add(const JournalChunk& chunk);
  Result<void> add(const JournalHash& hash);

 private:
  Journal(int descriptor, std::filesystem::path path)
      : descriptor_(descriptor), path_(std::move(path)) {}
  Result<void> append(std::string line);

  int descriptor_;
  std::filesystem::path path_;
};

}  // namespace bora
