#include "hub/cache.h"

#include "base/atomic_file.h"
#include "base/files_below.h"
#include "base/mapped_file.h"
#include "base/printable.h"
#include "formats/json.h"
#include "hub/choose.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>
#include <sys/statvfs.h>
#include <system_error>

namespace bora {
namespace {

namespace fs = std::filesystem;

// "owner/name" to "models--owner--name".
std::string folder_name(const std::string& repo) {
  std::string name = "models--" + repo;
  if (const std::size_t slash = name.find('/'); slash != name.npos) name.replace(slash, 1, "--");
  return name;
}

Error folder_error(const fs::path& path, const std::error_code& error) {
  const bool refused =
      error == std::errc::permission_denied || error == std::errc::read_only_file_system;
  return Error{refused ? ErrorCode::kNotFound : ErrorCode::kFailed,
               fmt::format("{}: expected to write there, found: {}", printable(path.string(), 1024),
                           error.message()),
               {}};
}

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// All parts that an index names, or a file of weights without one.
bool has_weights(const fs::path& folder) {
  const Result<JsonDocument> index = JsonDocument::read(folder / "model.safetensors.index.json");
  if (index) {
    const Result<JsonObject> object = index->object();
    if (!object) return false;
    const Result<JsonObject> map = object->get_object("weight_map");
    if (!map) return false;
    std::set<std::string> parts;
    for (const auto member : map->members()) {
      std::string_view part;
      if (member.value.get(part) != simdjson::SUCCESS || !check_file_name(part)) return false;
      parts.emplace(part);
    }
    return std::ranges::all_of(parts,
                               [&](const std::string& part) { return is_file(folder / part); });
  }
  std::error_code error;
  for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    if (entry->path().extension() == ".safetensors" && is_file(entry->path())) return true;
  }
  return false;
}

bool has_tokenizer(const fs::path& folder) {
  constexpr std::array kNames = {"tokenizer.json", "tokenizer.model", "tekken.json",
                                 "tokenizer.model.v1", "tokenizer.model.v3"};
  return std::ranges::any_of(kNames, [&](const char* name) { return is_file(folder / name); });
}

// The .gguf files below the folder, later parts left out, as files to choose from.
std::vector<RemoteFile> gguf_files(const fs::path& folder) {
  std::vector<RemoteFile> files;
  for (const fs::path& file : files_below(folder)) {
    std::error_code ignored;
    if (file.extension() != ".gguf" || !is_file(file)) continue;
    files.push_back({file.lexically_relative(folder).string(), fs::file_size(file, ignored), {}});
  }
  return files;
}

// As many as the name "x-00001-of-00003.gguf" says.
bool has_all_parts(const FileChoice& choice) {
  const std::optional<PartName> part = part_name(choice.gguf);
  return !part || part->parts == choice.files.size();
}

bool cannot_link(const std::error_code& error) {
  return error == std::errc::operation_not_permitted ||
         error == std::errc::operation_not_supported ||
         error == std::errc::function_not_supported || error == std::errc::not_supported;
}

}  // namespace

RepoCache::RepoCache(const fs::path& cache, const std::string& repo)
    : folder_(cache / folder_name(repo)), locks_(cache / ".locks" / folder_name(repo)) {}

fs::path RepoCache::blob(const std::string& etag) const { return folder_ / "blobs" / etag; }

fs::path RepoCache::blob_lock(const std::string& etag) const { return locks_ / (etag + ".lock"); }

fs::path RepoCache::repo_lock() const { return locks_ / "bora.lock"; }

fs::path RepoCache::snapshot(const std::string& commit) const {
  return folder_ / "snapshots" / commit;
}

Result<void> RepoCache::make_folders() const {
  for (const fs::path& path :
       {folder_ / "blobs", folder_ / "snapshots", folder_ / "refs", locks_}) {
    std::error_code error;
    fs::create_directories(path, error);
    if (error) return folder_error(path, error);
  }
  return {};
}

std::optional<std::string> RepoCache::commit_of(const std::string& revision) const {
  if (is_commit(revision)) return revision;
  constexpr std::size_t kLimit = 200;
  const Result<std::string> text = read_text_file(folder_ / "refs" / revision, kLimit);
  if (!text) return std::nullopt;
  std::string commit = text->substr(0, text->find_first_of(" \r\n"));
  if (!is_commit(commit)) return std::nullopt;
  return commit;
}

Result<void> RepoCache::note_commit(const std::string& revision, const std::string& commit) const {
  if (revision == commit || commit_of(revision) == commit) return {};
  const fs::path path = folder_ / "refs" / revision;
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error) return folder_error(path.parent_path(), error);
  return write_file_whole(path, commit);
}

bool RepoCache::has_file(const std::string& commit, const RemoteFile& file) const {
  std::error_code error;
  return fs::file_size(snapshot(commit) / file.name, error) == file.bytes && !error;
}

Result<void> RepoCache::link_file(const std::string& commit, const RemoteFile& file, bool wanted,
                                  bool links) const {
  const fs::path place = snapshot(commit) / file.name;
  std::error_code error;
  fs::create_directories(place.parent_path(), error);
  if (error) return folder_error(place.parent_path(), error);
  if (has_file(commit, file)) return {};
  fs::remove(place, error);  // a link to what is gone
  if (links) {
    fs::create_symlink(blob(file.etag).lexically_relative(place.parent_path()), place, error);
    if (!error) return {};
    if (!cannot_link(error)) return folder_error(place, error);
  }
  fs::path source = blob(file.etag);
  if (wanted) {
    source += ".bora.copy";
    fs::copy_file(blob(file.etag), source, fs::copy_options::overwrite_existing, error);
    if (error) return folder_error(source, error);
  }
  fs::rename(source, place, error);
  if (error) return folder_error(place, error);
  return {};
}

std::optional<fs::path> find_cached(const fs::path& cache, const ModelRef& ref,
                                    std::uint64_t memory) {
  const RepoCache repo(cache, ref.repo);
  const std::optional<std::string> commit = repo.commit_of(ref.revision);
  if (!commit) return std::nullopt;
  const fs::path folder = repo.snapshot(*commit);
  if (ref.file.empty() && is_file(folder / "config.json") && has_tokenizer(folder) &&
      has_weights(folder)) {
    return folder;
  }
  ChoiceOptions options;
  options.file = ref.file;
  options.memory = memory;
  const std::vector<RemoteFile> files = gguf_files(folder);
  if (files.empty()) return std::nullopt;
  Result<FileChoice> choice = choose_files(files, options);
  if (!choice && choice.error().code == ErrorCode::kDoesNotFit) {
    options.memory = 0;  // it is here: whoever opens it says what fits
    choice = choose_files(files, options);
  }
  if (!choice || !has_all_parts(*choice)) return std::nullopt;
  return folder / choice->gguf;
}

std::optional<std::string> repo_of_folder(std::string_view folder) {
  constexpr std::string_view kPrefix = "models--";
  if (!folder.starts_with(kPrefix)) return std::nullopt;
  std::string name(folder.substr(kPrefix.size()));
  if (const std::size_t at = name.find("--"); at != name.npos) name.replace(at, 2, "/");
  return name;
}

std::vector<std::string> cached_repos(const fs::path& cache) {
  std::vector<std::string> repos;
  std::error_code error;
  for (fs::directory_iterator entry(cache, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    std::optional<std::string> repo = repo_of_folder(entry->path().filename().string());
    std::error_code ignored;
    if (!repo || fs::is_empty(entry->path() / "snapshots", ignored) || ignored) continue;
    repos.push_back(*std::move(repo));
  }
  std::ranges::sort(repos);
  return repos;
}

Result<void> check_room(const fs::path& folder, std::uint64_t bytes) {
  fs::path there = folder;
  std::error_code ignored;
  while (there.has_relative_path() && !fs::exists(there, ignored)) there = there.parent_path();
  struct statvfs status {};
  if (there.empty() || statvfs(there.c_str(), &status) != 0) return {};
  const std::uint64_t left = std::uint64_t{status.f_bavail} * status.f_frsize;
  if (bytes <= left) return {};
  const bool large = bytes >= 1'000'000'000;
  const double unit = large ? 1e9 : 1e6;
  return Error{
      ErrorCode::kFailed,
      fmt::format("{}: expected room for {:.2f} {}, found {:.2f} {}",
                  printable(folder.string(), 1024), static_cast<double>(bytes) / unit,
                  large ? "GB" : "MB", static_cast<double>(left) / unit, large ? "GB" : "MB"),
      {"free some space there, or name another folder with --cache-dir or HF_HUB_CACHE"}};
}

}  // namespace bora
