// A model of the Hub as verified local files: select_files() asks which they are, fetch_files()
// downloads what is missing, pull() does both.
//
// One process at a time fetches a model; another waits and then finds it there. Owner: one thread.
#pragma once

#include "base/result.h"
#include "hub/choose.h"
#include "hub/download.h"
#include "hub/file_taker.h"
#include "hub/model_ref.h"
#include "hub/session.h"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace bora {

struct PullOptions {
  std::filesystem::path cache;  // huggingface_hub's: ~/.cache/huggingface/hub
  ChoiceOptions choice;         // `file` is the ref's
  std::size_t connections = 8;
  std::uint64_t chunk_bytes = std::uint64_t{16} << 20;  // a multiple of 64
  const std::atomic<bool>* interrupted = nullptr;
  FileTaker* taker = nullptr;  // gets files as they come
};

// What a model consists of: the files of one commit that a ModelRef means.
struct Selection {
  ModelRef ref;
  std::string commit;
  std::vector<RemoteFile> files;
  std::string gguf;         // the file to open, where it is one
  std::uint64_t bytes = 0;  // of all files
};

struct Pulled {
  std::filesystem::path model;   // what to open: the snapshot's folder, or a .gguf file in it
  std::filesystem::path folder;  // the snapshot's
  std::string commit;
  std::vector<RemoteFile> files;
  std::uint64_t bytes = 0;    // of all files
  std::uint64_t fetched = 0;  // of them, now
};

using OnNote = FunctionRef<void(std::string_view)>;

// Asks the Hub, and downloads nothing. on_note gets a line that a user should see: which file was
// chosen. Errors: kNotFound (with what to do, and with names like it), kBadModel, kDoesNotFit (no
// .gguf file does), kFailed, kInterrupted.
Result<Selection> select_files(HubSession& session, const ModelRef& ref,
                               const ChoiceOptions& choice, OnNote on_note);

// on_note: that a revision has moved. Errors: kNotFound (refused), kFailed, kInterrupted.
Result<Pulled> fetch_files(HubSession& session, const Selection& selection,
                           const PullOptions& options, OnDownload on_progress, OnNote on_note);

// Both.
Result<Pulled> pull(HubSession& session, const ModelRef& ref, const PullOptions& options,
                    OnDownload on_progress, OnNote on_note);

}  // namespace bora
