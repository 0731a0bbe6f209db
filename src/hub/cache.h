// The cache folder as huggingface_hub lays it out, so that either finds what the other fetched:
//
//   models--OWNER--NAME/refs/REVISION         the commit it was, when last asked
//   models--OWNER--NAME/blobs/ETAG            a file's content
//   models--OWNER--NAME/snapshots/COMMIT/...  links of the files' names to the blobs
//   .locks/models--OWNER--NAME/ETAG.lock      flock(2)ed by whoever writes the blob
//
// A snapshot that bora made has all that it was asked for: links are made when the last blob is
// there. On a file system without links the snapshot holds the files themselves. No network here.
#pragma once

#include "base/result.h"
#include "hub/api.h"
#include "hub/model_ref.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bora {

// The places of one repository in a cache.
class RepoCache {
 public:
  RepoCache(const std::filesystem::path& cache, const std::string& repo);

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] std::filesystem::path blob(const std::string& etag) const;
  [[nodiscard]] std::filesystem::path blob_lock(const std::string& etag) const;
  // Held for a whole download or removal, by bora alone.
  [[nodiscard]] std::filesystem::path repo_lock() const;
  [[nodiscard]] std::filesystem::path snapshot(const std::string& commit) const;

  // Errors: kFailed, kNotFound (not allowed).
  [[nodiscard]] Result<void> make_folders() const;

  // The commit that is noted for a revision; a commit is its own. nullopt: none is.
  [[nodiscard]] std::optional<std::string> commit_of(const std::string& revision) const;
  [[nodiscard]] Result<void> note_commit(const std::string& revision,
                                         const std::string& commit) const;

  // Whether the file has its name in that snapshot already, at its full size.
  [[nodiscard]] bool has_file(const std::string& commit, const RemoteFile& file) const;
  // Gives the blob its name there. `links`: false as on a file system without them, where the blob
  // itself goes there; a copy of it where it is `wanted` again, by another file of that content.
  [[nodiscard]] Result<void> link_file(const std::string& commit, const RemoteFile& file,
                                       bool wanted, bool links = true) const;

 private:
  std::filesystem::path folder_;
  std::filesystem::path locks_;
};

// What to open of a snapshot that is there already: its folder, or a .gguf file of it. nullopt
// where something is missing: configuration, tokenizer, a part of the weights, the file that ref
// names. `memory`: of several .gguf files the best that fits (0: the largest).
std::optional<std::filesystem::path> find_cached(const std::filesystem::path& cache,
                                                 const ModelRef& ref, std::uint64_t memory);

// The repository of a cache's folder: "models--owner--name" is "owner/name". nullopt: of none.
std::optional<std::string> repo_of_folder(std::string_view folder);

// The repositories in a cache that have a snapshot, by name.
std::vector<std::string> cached_repos(const std::filesystem::path& cache);

// Room for `bytes` more on the file system of that folder, or its nearest parent that is there.
// Errors: kFailed.
Result<void> check_room(const std::filesystem::path& folder, std::uint64_t bytes);

}  // namespace bora
