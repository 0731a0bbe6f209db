// Removing models from the cache: exactly what nothing else refers to.
#pragma once

#include "base/result.h"
#include "hub/cache.h"
#include "hub/model_ref.h"

#include <cstdint>
#include <filesystem>
#include <string>

namespace bora {

struct RemoveOptions {
  bool all_revisions = true;  // false: only the ref's
  bool beside = false;        // with ref.file also what lies beside it as FILE.MORE
};

struct Removed {
  std::uint64_t bytes = 0;  // freed
  std::size_t files = 0;
};

// The whole repository, its unfinished downloads too; one revision; or, where ref.file names one,
// that file of one revision. A blob goes when no snapshot links to it any more, a snapshot's folder
// and the refs to it when it is empty. Errors: kNotFound (not there, not allowed), kFailed (another
// bora downloads it now).
Result<Removed> remove_cached(const std::filesystem::path& cache, const ModelRef& ref,
                              const RemoveOptions& options);

// Removes a folder and adds up what that frees.
Removed remove_folder(const std::filesystem::path& folder);

// Takes one file out of a snapshot, if it is in it, and its blob away unless another snapshot links
// to that; a snapshot that was only this file is gone then, with the refs to it. Gives the bytes
// freed. For whoever holds the lock of the repository. Errors: kFailed.
Result<std::uint64_t> drop_file(const RepoCache& cache, const std::string& commit,
                                const RemoteFile& file);

}  // namespace bora
