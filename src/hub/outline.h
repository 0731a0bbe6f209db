// Outline: a model's files as far as a plan reads them: configuration whole; files of weights at
// their full size, with their header and a hole for the rest, which takes no room on the disk. It
// opens as the model does, so that what does not fit, or cannot run, is known before the weights
// are downloaded. What it has for weights is zeros: whoever would compute with them asks
// is_outline() first.
//
// Lies in a folder of outlines that is laid out as the Hub's cache (hub/cache.h), the files
// themselves in the snapshot. A file gets its name when it is whole, so that several processes may
// make the same outline; what is there is not fetched again. Owner: one thread.
#pragma once

#include "base/result.h"
#include "hub/session.h"
#include "hub/snapshot.h"

#include <atomic>
#include <cstdint>
#include <filesystem>

namespace bora {

struct Outline {
  std::filesystem::path model;   // what to open
  std::filesystem::path folder;  // of the snapshot
  std::uint64_t fetched = 0;     // bytes of files that came, now
};

// Configuration is verified as a download is; headers are only what the server said. Errors: as
// download(); kBadModel for a header that goes on beyond 100 MB.
Result<Outline> fetch_outline(HubSession& session, const Selection& selection,
                              const std::filesystem::path& outlines,
                              const std::atomic<bool>* interrupted);

// Whether a model, a folder or a file, is only an outline.
bool is_outline(const std::filesystem::path& model);

}  // namespace bora
