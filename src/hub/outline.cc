#include "hub/outline.h"

#include "base/atomic_file.h"
#include "base/printable.h"
#include "formats/gguf.h"
#include "formats/safetensors.h"
#include "hub/cache.h"
#include "hub/chunk.h"
#include "hub/digest.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace bora {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMark = ".bora-outline";
constexpr std::uint64_t kMostBytes = 100'000'000;  // of a header, or of a configuration
// Asked for at first. The header of a shard of a 7B model is about half of the one; a GGUF header
// has a vocabulary, which only the smallest of them leave room for in the other.
constexpr std::uint64_t kFirstOfSafetensors = std::uint64_t{32} << 10;
constexpr std::uint64_t kFirstOfGguf = std::uint64_t{512} << 10;
constexpr std::size_t kConnections = 8;

bool is_gguf_name(const std::string& name) { return name.ends_with(".gguf"); }

bool is_weights(const std::string& name) {
  return is_gguf_name(name) || name.ends_with(".safetensors");
}

bool is_configuration(const std::string& name) {
  constexpr std::array kNames = {"config.json", "generation_config.json",
                                 "model.safetensors.index.json"};
  return std::ranges::find(kNames, name) != kNames.end();
}

// How many bytes of the file its header wants at least, as far as its first ones tell.
std::uint64_t header_bytes(const RemoteFile& file, std::string_view first) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(first));
  if (!is_gguf_name(file.name)) return safetensors_header_bytes(bytes, file.bytes);
  if (!gguf_header_goes_on(bytes, file.bytes)) return first.size();
  return std::min<std::uint64_t>(first.size() * 4, file.bytes);
}

class OutlineFetch {
 public:
  OutlineFetch(HubSession& session, const Selection& selection, const fs::path& outlines,
               const std::atomic<bool>* interrupted)
      : session_(session),
        selection_(selection),
        cache_(outlines, selection.ref.repo),
        stop_(interrupted != nullptr ? *interrupted : never_) {}

  Result<Outline> run() {
    Outline outline;
    outline.folder = cache_.snapshot(selection_.commit);
    outline.model = selection_.gguf.empty() ? outline.folder : outline.folder / selection_.gguf;
    for (const RemoteFile& file : selection_.files) {
      const bool wanted = is_configuration(file.name) || is_weights(file.name);
      if (!wanted || cache_.has_file(selection_.commit, file)) continue;
      const fs::path place = outline.folder / file.name;
      if (Result<void> made = make_marked_folder(place.parent_path()); !made) {
        return std::move(made).error();
      }
      missing_.push_back(&file);
    }
    fetch_all();
    if (error_) return *std::move(error_);
    outline.fetched = fetched_;
    return outline;
  }

 private:
  // The mark comes before the files that it warns of.
  static Result<void> make_marked_folder(const fs::path& folder) {
    std::error_code error;
    if (fs::exists(folder / kMark, error)) return {};
    fs::create_directories(folder, error);
    if (!error) return write_file_whole(folder / kMark, "");
    return Error{ErrorCode::kFailed,
                 fmt::format("{}: expected to create the folder, found {}",
                             printable(folder.string(), 1024), error.message()),
                 {}};
  }

  void fetch_all() {
    std::vector<std::thread> threads;
    const std::size_t count = std::min(kConnections, missing_.size());
    try {
      while (threads.size() + 1 < count) threads.emplace_back([this] { fetch_some(); });
    } catch (const std::system_error&) {
      // Fewer at a time, then.
    }
    fetch_some();
    for (std::thread& thread : threads) thread.join();
  }

  void fetch_some() {
    for (const RemoteFile* file = next(); file != nullptr; file = next()) {
      Result<void> done = fetch(*file);
      if (done) continue;
      const std::lock_guard lock(mutex_);
      if (!error_) error_ = std::move(done).error();
    }
  }

  const RemoteFile* next() {
    const std::lock_guard lock(mutex_);
    return error_ || next_ == missing_.size() ? nullptr : missing_[next_++];
  }

  Result<void> fetch(const RemoteFile& file) {
    const fs::path place = cache_.snapshot(selection_.commit) / file.name;
    const std::uint64_t most = is_gguf_name(file.name) ? kFirstOfGguf : kFirstOfSafetensors;
    const bool weights = is_weights(file.name);
    std::uint64_t wanted = weights ? std::min(most, file.bytes) : file.bytes;
    std::string bytes;
    FileSource source(
        file, selection_.ref.repo, selection_.commit,
        file_url(session_.options(), selection_.ref.repo, selection_.commit, file.name));
    const auto append = [&](std::uint64_t, std::span<const std::byte> some) {
      bytes.append(reinterpret_cast<const char*>(some.data()), some.size());
      return Result<void>();
    };
    while (bytes.size() < wanted) {
      if (wanted > kMostBytes) return too_long(file);
      Result<void> fetched =
          fetch_range(session_, source, {bytes.size(), wanted}, append, stop_, fetched_);
      if (!fetched) return fetched;
      if (weights) wanted = header_bytes(file, bytes);
    }
    if (weights) return write_file_with_hole(place, bytes, file.bytes);
    BlobDigest digest(file.etag, file.bytes);
    digest.add(std::as_bytes(std::span(std::as_const(bytes))));
    if (digest.finish() != file.etag) {
      return Error{
          ErrorCode::kFailed,
          fmt::format("{}: expected content of hash {}, found other", file.name, file.etag),
          {}};
    }
    return write_file_whole(place, bytes);
  }

  static Error too_long(const RemoteFile& file) {
    return Error{
        ErrorCode::kBadModel,
        fmt::format("{}: expected {} of at most {} bytes, found more", printable(file.name),
                    is_weights(file.name) ? "a header" : "a file", kMostBytes),
        {}};
  }

  HubSession& session_;
  const Selection& selection_;
  RepoCache cache_;
  const std::atomic<bool> never_{false};
  const std::atomic<bool>& stop_;
  std::atomic<std::uint64_t> fetched_{0};
  std::vector<const RemoteFile*> missing_;
  std::mutex mutex_;  // guards what follows
  std::size_t next_ = 0;
  std::optional<Error> error_;
};

}  // namespace

Result<Outline> fetch_outline(HubSession& session, const Selection& selection,
                              const fs::path& outlines, const std::atomic<bool>* interrupted) {
  return OutlineFetch(session, selection, outlines, interrupted).run();
}

bool is_outline(const fs::path& model) {
  std::error_code ignored;
  const bool folder = fs::is_directory(model, ignored);
  return fs::exists((folder ? model : fs::absolute(model, ignored).parent_path()) / kMark, ignored);
}

}  // namespace bora
