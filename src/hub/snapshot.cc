#include "hub/snapshot.h"

#include "base/file_lock.h"
#include "base/log.h"
#include "base/printable.h"
#include "hub/api.h"
#include "hub/cache.h"
#include "hub/partial_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <set>
#include <sys/stat.h>
#include <utility>

namespace bora {
namespace {

namespace fs = std::filesystem;

// What the unfinished file holds of the disk already.
std::uint64_t reserved_bytes(const fs::path& blob) {
  struct stat status {};
  if (stat(PartialFile::data_path(blob).c_str(), &status) != 0) return 0;
  return static_cast<std::uint64_t>(status.st_blocks) * 512;
}

class Pull {
 public:
  Pull(HubSession& session, const ModelRef& ref, const PullOptions& options)
      : session_(session), ref_(ref), options_(options), cache_(options.cache, ref.repo) {}

  Result<Pulled> run(OnDownload on_progress, FunctionRef<void(std::string_view)> on_note) {
    Result<RemoteRevision> revision = find_revision(session_, ref_);
    if (!revision) return with_similar(std::move(revision).error());
    ChoiceOptions wanted = options_.choice;
    wanted.file = ref_.file;
    Result<FileChoice> choice = choose_files(revision->files, wanted);
    if (!choice) return std::move(choice).error().with_context(ref_.repo);
    if (!choice->reason.empty()) on_note(printable(choice->reason, 400));
    pulled_.commit = revision->commit;
    pulled_.files = std::move(choice->files);
    pulled_.folder = cache_.snapshot(pulled_.commit);
    pulled_.model = choice->gguf.empty() ? pulled_.folder : pulled_.folder / choice->gguf;
    for (const RemoteFile& file : pulled_.files) pulled_.bytes += file.bytes;
    if (Result<void> fetched = fetch(on_progress); !fetched) return std::move(fetched).error();
    if (pulled_.fetched > 0) note_move(on_note);
    return std::move(pulled_);
  }

 private:
  // Under the lock of the repository: whatever is missing, then the names, then the revision.
  Result<void> fetch(OnDownload on_progress) {
    if (Result<void> made = cache_.make_folders(); !made) return made;
    const auto on_wait = [&] {
      DownloadProgress waiting;
      waiting.waiting = true;
      waiting.bytes = pulled_.bytes;
      on_progress(waiting);
    };
    const Result<FileLock> lock =
        FileLock::acquire(cache_.repo_lock(), on_wait, options_.interrupted);
    if (!lock) return lock.error();
    const std::vector<DownloadItem> items = missing();
    std::uint64_t bytes = 0;
    for (const DownloadItem& item : items) {
      bytes += item.file.bytes - std::min(item.file.bytes, reserved_bytes(item.blob));
    }
    if (Result<void> room = check_room(cache_.folder(), bytes); !room) return room;
    DownloadOptions how;
    how.repo = ref_.repo;
    how.commit = pulled_.commit;
    how.connections = options_.connections;
    how.chunk_bytes = options_.chunk_bytes;
    how.interrupted = options_.interrupted;
    const auto watch = [&](const DownloadProgress& progress) {
      pulled_.fetched = progress.fetched;
      on_progress(progress);
    };
    if (!items.empty()) {
      Result<void> done = download(session_, items, how, watch);
      if (!done) return done;
    }
    return name_files();
  }

  // The files that neither the snapshot nor the blobs have; each content once.
  [[nodiscard]] std::vector<DownloadItem> missing() const {
    std::vector<DownloadItem> items;
    std::set<std::string> etags;
    for (const RemoteFile& file : pulled_.files) {
      const fs::path blob = cache_.blob(file.etag);
      std::error_code error;
      const bool there = fs::file_size(blob, error) == file.bytes && !error;
      if (there || cache_.has_file(pulled_.commit, file) || !etags.insert(file.etag).second) {
        continue;
      }
      items.push_back({file, blob, cache_.blob_lock(file.etag)});
    }
    // Small ones first: they are there at once, and the large ones keep all connections busy.
    std::ranges::stable_sort(items, {}, [](const DownloadItem& item) { return item.file.bytes; });
    return items;
  }

  // Weights last: a snapshot without them is seen to be incomplete.
  Result<void> name_files() {
    std::vector<const RemoteFile*> files;
    for (const RemoteFile& file : pulled_.files) files.push_back(&file);
    std::ranges::stable_sort(files, {}, &RemoteFile::bytes);
    for (std::size_t i = 0; i < files.size(); ++i) {
      const bool wanted =
          std::any_of(files.begin() + static_cast<std::ptrdiff_t>(i) + 1, files.end(),
                      [&](const RemoteFile* other) { return other->etag == files[i]->etag; });
      Result<void> linked = cache_.link_file(pulled_.commit, *files[i], wanted);
      if (!linked) return linked;
    }
    return cache_.note_commit(ref_.revision, pulled_.commit);
  }

  // A branch may have moved while its files came; they are of one commit all the same.
  void note_move(FunctionRef<void(std::string_view)> on_note) {
    const Result<std::string> now = find_commit(session_, ref_);
    if (!now || *now == pulled_.commit) return;
    on_note(
        fmt::format("{}: {} moved to {:.12} meanwhile; this is {:.12}, bora pull fetches the new",
                    ref_.repo, ref_.revision, *now, pulled_.commit));
  }

  // A name that is not there is often one that was mistyped.
  Error with_similar(Error error) {
    constexpr std::size_t kNames = 3;
    const bool no_name = error.code == ErrorCode::kNotFound &&
                         error.message.find("none of that name") != std::string::npos &&
                         error.message.find("a model on the Hub") != std::string::npos;
    if (!no_name) return error;
    const std::vector<std::string> names = find_similar(session_, ref_.repo, kNames);
    if (!names.empty()) {
      error.hints.insert(error.hints.begin(),
                         fmt::format("near names: {}", fmt::join(names, ", ")));
    }
    return error;
  }

  HubSession& session_;
  const ModelRef& ref_;
  const PullOptions& options_;
  RepoCache cache_;
  Pulled pulled_;
};

}  // namespace

Result<Pulled> pull(HubSession& session, const ModelRef& ref, const PullOptions& options,
                    OnDownload on_progress, FunctionRef<void(std::string_view)> on_note) {
  return Pull(session, ref, options).run(on_progress, on_note);
}

}  // namespace bora
