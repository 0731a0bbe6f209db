#include "hub/remove.h"

#include "base/file_lock.h"
#include "base/files_below.h"
#include "base/mapped_file.h"
#include "base/printable.h"
#include "hub/cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <sys/stat.h>
#include <system_error>
#include <vector>

namespace bora {
namespace {

namespace fs = std::filesystem;

// Of the file itself, on the disk; a link counts as nothing.
std::uint64_t bytes_of(const fs::path& file) {
  std::error_code error;
  if (!fs::is_regular_file(fs::symlink_status(file, error))) return 0;
  struct stat status {};
  if (stat(file.c_str(), &status) != 0) return 0;
  // A file with holes takes less than its size.
  return std::min<std::uint64_t>(static_cast<std::uint64_t>(status.st_size),
                                 static_cast<std::uint64_t>(status.st_blocks) * 512);
}

// Files that go: what that frees, and the last one that could not be removed.
struct Removal {
  Removed removed;
  std::error_code error;
  fs::path failed;

  void remove_file(const fs::path& file) {
    const std::uint64_t bytes = bytes_of(file);
    std::error_code now;
    fs::remove(file, now);
    if (now) {
      error = now;
      failed = file;
      return;
    }
    removed.bytes += bytes;
    removed.files += bytes > 0 ? 1 : 0;
  }

  void remove_folder(const fs::path& folder) {
    for (const fs::path& file : files_below(folder)) remove_file(file);
    std::error_code ignored;
    fs::remove_all(folder, ignored);
  }
};

// A snapshot without a file goes, and so do the refs to it: huggingface_hub calls a cache with a
// ref to no snapshot corrupted, and an empty snapshot complete.
void remove_if_empty(const RepoCache& cache, const std::string& commit) {
  const fs::path folder = cache.snapshot(commit);
  if (!files_below(folder).empty()) return;
  std::error_code ignored;
  fs::remove_all(folder, ignored);
  constexpr std::size_t kLimit = 200;
  for (const fs::path& ref : files_below(cache.folder() / "refs")) {
    const Result<std::string> text = read_text_file(ref, kLimit);
    if (text && text->starts_with(commit)) fs::remove(ref, ignored);
  }
}

class Remover {
 public:
  Remover(const fs::path& cache, const ModelRef& ref, const RemoveOptions& options)
      : cache_(cache, ref.repo), ref_(ref), options_(options) {}

  Result<Removed> run() {
    std::error_code ignored;
    if (!fs::is_directory(cache_.folder(), ignored)) return not_there(ref_.repo);
    fs::create_directories(cache_.repo_lock().parent_path(), ignored);
    const Result<std::optional<FileLock>> lock = FileLock::try_acquire(cache_.repo_lock());
    if (!lock) return lock.error();
    if (!lock->has_value()) {
      return Error{
          ErrorCode::kFailed,
          fmt::format("{}: expected nobody at it, found another bora downloading it", ref_.repo),
          {}};
    }
    if (options_.all_revisions && ref_.file.empty()) {
      removal_.remove_folder(cache_.folder());
    } else {
      const std::optional<std::string> commit = cache_.commit_of(ref_.revision);
      if (!commit || !fs::is_directory(cache_.snapshot(*commit), ignored)) {
        return not_there(ref_.text());
      }
      if (!remove_names(*commit)) return not_there(ref_.text());
      remove_unused_blobs();
    }
    const std::error_code& error = removal_.error;
    if (error) {
      return Error{
          error == std::errc::permission_denied ? ErrorCode::kNotFound : ErrorCode::kFailed,
          fmt::format("{}: expected to remove it, found: {}",
                      printable(removal_.failed.string(), 1024), error.message()),
          {}};
    }
    return removal_.removed;
  }

 private:
  static Error not_there(const std::string& what) {
    return {ErrorCode::kNotFound,
            fmt::format("{}: expected it in the cache, found none", what),
            {"bora list shows what is there"}};
  }

  [[nodiscard]] bool is_file_of_ref(const std::string& name) const {
    return name == ref_.file || (options_.beside && name.starts_with(ref_.file + "."));
  }

  // The names of a snapshot, or the one that ref_.file is. False: there was none.
  bool remove_names(const std::string& commit) {
    const fs::path folder = cache_.snapshot(commit);
    bool found = false;
    for (const fs::path& file : files_below(folder)) {
      const std::string name = file.lexically_relative(folder).string();
      const bool wanted =
          ref_.file.empty() || is_file_of_ref(name) || is_file_of_ref(file.filename().string());
      found = found || wanted;
      if (wanted) removal_.remove_file(file);
    }
    remove_if_empty(cache_, commit);
    return found || ref_.file.empty();
  }

  void remove_unused_blobs() {
    std::set<fs::path> used;
    for (const fs::path& file : files_below(cache_.folder() / "snapshots")) {
      std::error_code error;
      const fs::path target = fs::canonical(file, error);
      if (!error) used.insert(target.filename());
    }
    for (const fs::path& blob : files_below(cache_.folder() / "blobs")) {
      // What is unfinished belongs to a download that may go on.
      const bool unfinished = blob.extension() == ".incomplete" || blob.extension() == ".journal";
      if (!unfinished && !used.contains(blob.filename())) removal_.remove_file(blob);
    }
  }

  RepoCache cache_;
  const ModelRef& ref_;
  const RemoveOptions& options_;
  Removal removal_;
};

}  // namespace

Result<std::uint64_t> drop_file(const RepoCache& cache, const std::string& commit,
                                const RemoteFile& file) {
  std::uint64_t freed = 0;
  std::error_code error;
  const auto remove = [&](const fs::path& path) {
    const std::uint64_t bytes = bytes_of(path);
    if (!error && fs::remove(path, error)) freed += bytes;
  };
  remove(cache.snapshot(commit) / file.name);
  const std::vector<fs::path> names = files_below(cache.folder() / "snapshots");
  const bool used = std::ranges::any_of(names, [&](const fs::path& name) {
    std::error_code broken;
    return fs::canonical(name, broken).filename() == file.etag;
  });
  if (!used) remove(cache.blob(file.etag));
  remove_if_empty(cache, commit);
  if (!error) return freed;
  return Error{
      ErrorCode::kFailed,
      fmt::format("{}: expected to remove it, found: {}", printable(file.name), error.message()),
      {}};
}

Removed remove_folder(const fs::path& folder) {
  Removal removal;
  removal.remove_folder(folder);
  return removal.removed;
}

Result<Removed> remove_cached(const fs::path& cache, const ModelRef& ref,
                              const RemoveOptions& options) {
  return Remover(cache, ref, options).run();
}

}  // namespace bora
