// pull(): a model of the Hub as verified local files, downloading what is missing.
//
// One process at a time fetches a model; another waits and then finds it there. Owner: one thread.
#pragma once

#include "base/result.h"
#include "hub/choose.h"
#include "hub/download.h"
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
};

struct Pulled {
  std::filesystem::path model;   // what to open: the snapshot's folder, or a .gguf file in it
  std::filesystem::path folder;  // the snapshot's
  std::string commit;
  std::vector<RemoteFile> files;
  std::uint64_t bytes = 0;    // of all files
  std::uint64_t fetched = 0;  // of them, now
};

// on_note gets a line that a user should see: which file was chosen, that a revision has moved.
// Errors: kNotFound (with what to do, and with names like it), kBadModel, kDoesNotFit, kFailed,
// kInterrupted.
Result<Pulled> pull(HubSession& session, const ModelRef& ref, const PullOptions& options,
                    OnDownload on_progress, FunctionRef<void(std::string_view)> on_note);

}  // namespace bora
