// Fetching one chunk of one file: ask, write what comes, ask again for the rest.
#pragma once

#include "base/result.h"
#include "hub/partial_file.h"
#include "hub/session.h"

#include <atomic>
#include <cstdint>
#include <mutex>
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

// Writes the chunk into `file` and finishes it. `done` grows by each byte that comes. Errors: as
// download().
Result<void> fetch_chunk(HubSession& session, FileSource& source, PartialFile& file,
                         std::size_t chunk, const std::atomic<bool>& stop,
                         std::atomic<std::uint64_t>& done);

}  // namespace bora
