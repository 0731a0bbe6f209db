// download(): files of one commit into the cache's blobs, several chunks and files at a time.
//
// Each chunk is asked for again from where it broke off, with longer and longer pauses, until
// `attempts` failures in a row; a transfer too slow to go on is cut and counts as one. The first
// error ends all. What came whole is kept for the next call (hub/partial_file.h). A file that
// another process fetches, huggingface_hub too, is waited for.
//
// Threads: `connections` that fetch, two that hash; they end before it returns. on_progress is
// called on the caller's thread, about ten times a second and once at the end.
#pragma once

#include "base/function_ref.h"
#include "base/result.h"
#include "hub/api.h"
#include "hub/session.h"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace bora {

struct DownloadItem {
  RemoteFile file;
  std::filesystem::path blob;  // where it goes
  std::filesystem::path lock;  // whose holder may write it
};

struct FileProgress {
  std::string name;
  std::uint64_t bytes = 0;
  std::uint64_t done = 0;  // on the disk or on the way there
  bool finished = false;   // verified and in its place
  bool waiting = false;    // for another process
};

struct DownloadProgress {
  std::vector<FileProgress> files;
  std::uint64_t bytes = 0;
  std::uint64_t done = 0;
  std::uint64_t fetched = 0;  // of `done`, by this process
  bool waiting = false;       // for another process that fetches the same model
};

struct DownloadOptions {
  std::string repo;
  std::string commit;
  std::size_t connections = 8;
  std::uint64_t chunk_bytes = std::uint64_t{16} << 20;
  const std::atomic<bool>* interrupted = nullptr;  // set elsewhere: give up
};

using OnDownload = FunctionRef<void(const DownloadProgress& progress)>;

// Errors: kFailed (network, disk, a wrong hash), kNotFound (refused), kInterrupted.
Result<void> download(HubSession& session, const std::vector<DownloadItem>& items,
                      const DownloadOptions& options, OnDownload on_progress);

}  // namespace bora
