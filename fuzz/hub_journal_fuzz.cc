// Journals of unfinished downloads: of any bytes only chunks and hashes inside of the file are
// read.
#include "base/check.h"
#include "hub/journal.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const bora::JournalContents contents =
      bora::read_journal({reinterpret_cast<const char*>(data), size});
  for (const bora::JournalChunk& chunk : contents.chunks) {
    CHECK(chunk.length > 0 && chunk.offset < contents.header.bytes &&
              chunk.length <= contents.header.bytes - chunk.offset,
          "a chunk outside of its file");
  }
  for (const bora::JournalHash& hash : contents.hashes) {
    CHECK(hash.offset <= contents.header.bytes, "a hash outside of its file");
  }
  return 0;
}
