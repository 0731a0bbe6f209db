// Fetching a range of one file: ask, give on what comes, ask again for the rest.
#pragma once

#include "base/function_ref.h"
#include "base/result.h"
#include "hub/partial_file.h"
#include "hub/session.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>

namespace bora {

// Where a file's bytes are had from, shared by those who fetch its chunks.
class FileSource {
 public:
  // `url`: the Hub's; `commit`: what it has to say it serves.
  FileSource(RemoteFile file, std::string repo, std::string commit, std::string url)
      : file_(std::move(file)),
        repo_(std::move(repo)),
        commit_(std::move(commit)),
        url_(std::move(url)) {}

  [[nodiscard]] const RemoteFile& file() const { return file_; }
  [[nodiscard]] const std::string& repo() const { return repo_; }
  [[nodiscard]] const std::string& commit() const { return commit_; }

  // The CDN's URL once the Hub has led there, else the Hub's. CDN URLs expire: forget() goes back.
  [[nodiscard]] std::string url();
  void remember(const std::string& redirected);
  void forget();

 private:
  RemoteFile file_;
  std::string repo_;
  std::string commit_;
  std::string url_;
  std::mutex mutex_;        // guards redirected_
  std::string redirected_;  // empty: not known
};

// Takes the bytes of a range, in order; `offset` counts from the file's beginning.
using RangeSink = FunctionRef<Result<void>(std::uint64_t offset, std::span<const std::byte> bytes)>;

// `done` grows by each byte that comes. Errors: as download(), and those of the sink.
Result<void> fetch_range(HubSession& session, FileSource& source, ByteRange range, RangeSink sink,
                         const std::atomic<bool>& stop, std::atomic<std::uint64_t>& done);

// Writes the chunk into `file` and finishes it.
Result<void> fetch_chunk(HubSession& session, FileSource& source, PartialFile& file,
                         std::size_t chunk, const std::atomic<bool>& stop,
                         std::atomic<std::uint64_t>& done);

}  // namespace bora
