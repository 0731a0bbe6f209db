// PartialFile: a file of the cache while it arrives, in chunks and in any order.
//
// The bytes lie in BLOB.bora.incomplete, reserved to the full size; BLOB.bora.journal says which
// chunks are whole (hub/journal.h). A process that opens it later checks those against their
// checksums and has only the others to fetch. The hash runs behind the lowest contiguous offset and
// its state is kept in the journal, so that it is not begun anew either. publish() gives the file
// its name once all of it has the right hash. The names differ from those of huggingface_hub, which
// would take the size of a BLOB.incomplete for what is in it.
//
// Owner: whoever holds the lock of the blob (hub/cache.h). Within the process, write() and
// finish_chunk() from any thread, each chunk from one; the hash and publish() from one at a time.
//
// Errors: kFailed, with the path and what the system says; kInterrupted.
#pragma once

#include "base/result.h"
#include "hub/api.h"
#include "hub/digest.h"
#include "hub/http.h"
#include "hub/journal.h"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <vector>

namespace bora {

class PartialFile {
 public:
  // Takes up what is there. `chunk_bytes`: how a new file is cut, a multiple of 64.
  static Result<std::unique_ptr<PartialFile>> open(const std::filesystem::path& blob,
                                                   const RemoteFile& file,
                                                   std::uint64_t chunk_bytes,
                                                   const std::atomic<bool>* stop);
  ~PartialFile();
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  [[nodiscard]] std::size_t chunks() const { return whole_.size(); }
  [[nodiscard]] ByteRange range(std::size_t chunk) const;
  [[nodiscard]] bool has(std::size_t chunk) const;
  // Of the chunks that are whole.
  [[nodiscard]] std::uint64_t kept_bytes() const;

  Result<void> write(std::uint64_t offset, std::span<const std::byte> bytes);
  // All of the chunk has been written; `checksum`: of its bytes. On the disk when it returns.
  Result<void> finish_chunk(std::size_t chunk, std::uint64_t checksum);

  // Hashes up to some megabytes of what has come. False: nothing is there to hash now.
  Result<bool> hash_some();
  // Whether all of it has been hashed, so that publish() may be called.
  [[nodiscard]] bool hashed() const { return digest_.added() == file_.bytes; }
  // To its place, or, where the hash is wrong, away with it: an error that says so.
  Result<void> publish();

  // Where the bytes and the journal of that blob lie.
  static std::filesystem::path data_path(const std::filesystem::path& blob);
  static std::filesystem::path journal_path(const std::filesystem::path& blob);

 private:
  PartialFile(std::filesystem::path blob, RemoteFile file, int descriptor);
  Result<void> reserve();
  Result<void> take_up(JournalContents& contents, const std::atomic<bool>* stop);
  // Whether the chunk's bytes on the disk are those of its checksum.
  [[nodiscard]] bool holds(const JournalChunk& chunk, std::span<std::byte> buffer) const;
  // Bytes at the file's begin that have come, without a gap.
  [[nodiscard]] std::uint64_t contiguous() const;
  [[nodiscard]] Error failed(int reason) const;

  std::filesystem::path blob_;
  RemoteFile file_;
  std::uint64_t chunk_bytes_ = 0;
  int descriptor_ = -1;
  mutable std::mutex mutex_;  // guards whole_, contiguous_chunks_ and journal_
  std::vector<bool> whole_;
  std::size_t contiguous_chunks_ = 0;
  std::unique_ptr<Journal> journal_;
  BlobDigest digest_;  // the hashing thread's
  std::vector<std::byte> buffer_;
};

}  // namespace bora
