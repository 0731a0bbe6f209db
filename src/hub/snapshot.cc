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

// A name that is not there is often one that was mistyped.
Error with_similar(HubSession& session, const ModelRef& ref, Error error) {
  constexpr std::size_t kNames = 3;
  const bool no_name = error.code == ErrorCode::kNotFound &&
                       error.message.find("none of that name") != std::string::npos &&
                       error.message.find("a model on the Hub") != std::string::npos;
  if (!no_name) return error;
  const std::vector<std::string> names = find_similar(session, ref.repo, kNames);
  if (!names.empty()) {
    error.hints.insert(error.hints.begin(), fmt::format("near names: {}", fmt::join(names, ", ")));
  }
  return error;
}

class Fetch {
 public:
  Fetch(HubSession& session, const Selection& selection, const PullOptions& options)
      : session_(session),
        ref_(selection.ref),
        options_(options),
        cache_(options.cache, selection.ref.repo) {
    pulled_.commit = selection.commit;
    pulled_.files = selection.files;
    pulled_.bytes = selection.bytes;
    pulled_.folder = cache_.snapshot(selection.commit);
    pulled_.model = selection.gguf.empty() ? pulled_.folder : pulled_.folder / selection.gguf;
  }

  Result<Pulled> run(OnDownload on_progress, OnNote on_note) {
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
    if (Result<void> room = check_room(cache_.folder(), bytes_to_reserve()); !room) return room;
    Result<void> done = download_all(on_progress);
    if (options_.taker != nullptr) {
      // Its error is the cause where there are two.
      if (options_.taker->failed() || done) done = options_.taker->finish();
    }
    if (!done) return done;
    return name_files();
  }

  [[nodiscard]] bool is_wanted(const RemoteFile& file) const {
    return options_.taker != nullptr && options_.taker->wants(file);
  }

  // Where the file's content lies already; empty: nowhere.
  [[nodiscard]] fs::path content_of(const RemoteFile& file) const {
    fs::path blob = cache_.blob(file.etag);
    std::error_code error;
    if (fs::file_size(blob, error) == file.bytes && !error) return blob;
    if (!cache_.has_file(pulled_.commit, file)) return {};
    return cache_.snapshot(pulled_.commit) / file.name;
  }

  [[nodiscard]] bool is_missing(const RemoteFile& file) const {
    if (is_wanted(file) && options_.taker->has(file)) return false;
    return content_of(file).empty();
  }

  [[nodiscard]] DownloadItem item_of(const RemoteFile& file) const {
    return {file, cache_.blob(file.etag), cache_.blob_lock(file.etag)};
  }

  // Of the disk. Where files are dropped as the next ones come, no more than two are there at once.
  [[nodiscard]] std::uint64_t bytes_to_reserve() const {
    std::uint64_t bytes = 0;
    std::uint64_t largest = 0;
    std::uint64_t dropped = 0;
    for (const DownloadItem& item : missing()) {
      const std::uint64_t needed =
          item.file.bytes - std::min(item.file.bytes, reserved_bytes(item.blob));
      const bool drops = is_wanted(item.file) && !options_.taker->keeps_files();
      (drops ? dropped : bytes) += needed;
      if (drops) largest = std::max(largest, needed);
    }
    return bytes + std::min(dropped, 2 * largest);
  }

  // What nobody takes, all at once; then the others one by one.
  Result<void> download_all(OnDownload on_progress) {
    std::vector<DownloadItem> items = missing();
    for (const DownloadItem& item : items) {
      overview_.push_back({.name = item.file.name, .bytes = item.file.bytes});
    }
    std::erase_if(items, [&](const DownloadItem& item) { return is_wanted(item.file); });
    if (Result<void> done = download_some(items, on_progress); !done) return done;
    for (const RemoteFile& file : pulled_.files) {
      if (!is_wanted(file)) continue;
      if (is_missing(file)) {
        if (Result<void> done = download_some({item_of(file)}, on_progress); !done) return done;
      }
      if (!options_.taker->has(file)) options_.taker->take(file, content_of(file));
    }
    return {};
  }

  Result<void> download_some(const std::vector<DownloadItem>& items, OnDownload on_progress) {
    if (items.empty()) return {};
    std::atomic<bool> stop{false};
    DownloadOptions how;
    how.repo = ref_.repo;
    how.commit = pulled_.commit;
    how.connections = options_.connections;
    how.chunk_bytes = options_.chunk_bytes;
    how.interrupted = &stop;
    const std::uint64_t before = pulled_.fetched;
    const auto watch = [&](const DownloadProgress& progress) {
      stop = (options_.interrupted != nullptr && *options_.interrupted) ||
             (options_.taker != nullptr && options_.taker->failed());
      pulled_.fetched = before + progress.fetched;
      on_progress(merged(progress));
    };
    return download(session_, items, how, watch);
  }

  // The progress of some files as that of all.
  DownloadProgress merged(const DownloadProgress& some) {
    DownloadProgress all;
    for (FileProgress& file : overview_) {
      const auto now = std::ranges::find(some.files, file.name, &FileProgress::name);
      if (now != some.files.end()) file = *now;
      all.bytes += file.bytes;
      all.done += file.done;
    }
    all.files = overview_;
    all.fetched = pulled_.fetched;
    return all;
  }

  // The files that neither the snapshot nor the blobs have; each content once.
  [[nodiscard]] std::vector<DownloadItem> missing() const {
    std::vector<DownloadItem> items;
    std::set<std::string> etags;
    for (const RemoteFile& file : pulled_.files) {
      if (!is_missing(file) || !etags.insert(file.etag).second) continue;
      items.push_back(item_of(file));
    }
    // Small ones first: they are there at once, and the large ones keep all connections busy.
    std::ranges::stable_sort(items, {}, [](const DownloadItem& item) { return item.file.bytes; });
    return items;
  }

  // Weights last: a snapshot without them is seen to be incomplete.
  Result<void> name_files() {
    std::vector<const RemoteFile*> files;
    for (const RemoteFile& file : pulled_.files) {
      if (!is_wanted(file) || options_.taker->keeps_files()) files.push_back(&file);
    }
    std::ranges::stable_sort(files, {}, &RemoteFile::bytes);
    for (std::size_t i = 0; i < files.size(); ++i) {
      const bool wanted =
          std::any_of(files.begin() + static_cast<std::ptrdiff_t>(i) + 1, files.end(),
                      [&](const RemoteFile* other) { return other->etag == files[i]->etag; });
      Result<void> linked = cache_.link_file(pulled_.commit, *files[i], wanted);
      if (!linked) return linked;
    }
    if (files.empty()) return {};  // no snapshot: a ref would lead nowhere
    return cache_.note_commit(ref_.revision, pulled_.commit);
  }

  // A branch may have moved while its files came; they are of one commit all the same.
  void note_move(OnNote on_note) {
    const Result<std::string> now = find_commit(session_, ref_);
    if (!now || *now == pulled_.commit) return;
    on_note(
        fmt::format("{}: {} moved to {:.12} meanwhile; this is {:.12}, bora pull fetches the new",
                    ref_.repo, ref_.revision, *now, pulled_.commit));
  }

  HubSession& session_;
  const ModelRef& ref_;
  const PullOptions& options_;
  RepoCache cache_;
  Pulled pulled_;
  std::vector<FileProgress> overview_;  // of all that had to be downloaded
};

}  // namespace

Result<Selection> select_files(HubSession& session, const ModelRef& ref,
                               const ChoiceOptions& choice, OnNote on_note) {
  Result<RemoteRevision> revision = find_revision(session, ref);
  if (!revision) return with_similar(session, ref, std::move(revision).error());
  ChoiceOptions wanted = choice;
  wanted.file = ref.file;
  Result<FileChoice> chosen = choose_files(revision->files, wanted);
  if (!chosen) return std::move(chosen).error().with_context(ref.repo);
  if (!chosen->reason.empty()) on_note(printable(chosen->reason, 400));
  Selection selection{.ref = ref,
                      .commit = std::move(revision->commit),
                      .files = std::move(chosen->files),
                      .gguf = std::move(chosen->gguf)};
  for (const RemoteFile& file : selection.files) selection.bytes += file.bytes;
  return selection;
}

Result<Pulled> fetch_files(HubSession& session, const Selection& selection,
                           const PullOptions& options, OnDownload on_progress, OnNote on_note) {
  return Fetch(session, selection, options).run(on_progress, on_note);
}

Result<Pulled> pull(HubSession& session, const ModelRef& ref, const PullOptions& options,
                    OnDownload on_progress, OnNote on_note) {
  Result<Selection> selection = select_files(session, ref, options.choice, on_note);
  if (!selection) return std::move(selection).error();
  return fetch_files(session, *selection, options, on_progress, on_note);
}

}  // namespace bora
