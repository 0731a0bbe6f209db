#include "api/local_models.h"

#include "base/files_below.h"
#include "base/mapped_file.h"
#include "formats/checkpoint.h"
#include "hub/cache.h"
#include "model/registry.h"
#include "quantize/cache_file.h"
#include "quantize/codec.h"
#include "tensor/dtype.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <sys/stat.h>
#include <system_error>

namespace bora {
namespace {

namespace fs = std::filesystem;

// What lies in a folder, by name; nothing where it cannot be read.
std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    entries.push_back(entry->path());
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

// A GGUF file, or the first of a split one: "NAME-00001-of-00003.gguf".
bool is_gguf(const fs::path& path) {
  if (path.extension() != ".gguf" || is_folder(path)) return false;
  const std::string stem = path.stem().string();
  constexpr std::string_view kFirst = "-00001-of-00003";
  if (stem.size() < kFirst.size()) return true;
  const std::string_view part = std::string_view(stem).substr(stem.size() - kFirst.size());
  const bool split = part[0] == '-' && part.substr(6, 4) == "-of-" &&
                     part.find_first_not_of("-of0123456789") == std::string_view::npos;
  return !split || part.substr(0, 6) == kFirst.substr(0, 6);
}

std::uint64_t bytes_on_disk(const fs::path& path) {
  std::uint64_t bytes = 0;
  const auto add = [&](const fs::path& file) {
    std::error_code error;
    const std::uintmax_t size = fs::is_regular_file(file, error) ? fs::file_size(file, error) : 0;
    if (!error) bytes += size;
  };
  if (!is_folder(path)) {
    add(path);
  } else {
    for (const fs::path& entry : entries_of(path)) add(entry);
  }
  return bytes;
}

// The type that most bytes of the tensors have.
std::string weight_type(const Checkpoint& checkpoint) {
  std::map<std::string, std::uint64_t> bytes;
  for (const StoredTensor& tensor : checkpoint.tensors()) {
    bytes[tensor.dtype ? std::string(info(*tensor.dtype).name) : tensor.type_name] += tensor.bytes;
  }
  const auto most = std::max_element(
      bytes.begin(), bytes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == bytes.end() ? std::string() : most->first;
}

// The latest access to any file of the model.
std::int64_t latest_access(const fs::path& path) {
  std::int64_t latest = 0;
  const auto look = [&](const fs::path& file) {
    struct stat status {};
    if (stat(file.c_str(), &status) == 0) latest = std::max<std::int64_t>(latest, status.st_atime);
  };
  if (!is_folder(path)) look(path);
  for (const fs::path& entry : entries_of(path)) look(entry);
  return latest;
}

LocalModel describe(std::string name, const fs::path& path) {
  LocalModel model;
  model.name = std::move(name);
  model.path = path;
  model.last_used = latest_access(path);  // before it is opened
  model.bytes = bytes_on_disk(path);
  const Result<Checkpoint> checkpoint = Checkpoint::open(path);
  if (!checkpoint) {
    model.error = checkpoint.error().message;
    return model;
  }
  const Result<ModelConfig> config = read_model_config(*checkpoint);
  if (!config) {
    model.error = config.error().message;
    return model;
  }
  model.architecture = config->architecture;
  model.weights = weight_type(*checkpoint);
  return model;
}

// The .gguf files of a folder and of those in it.
std::vector<fs::path> gguf_files_below(const fs::path& folder) {
  std::vector<fs::path> files = files_below(folder);
  std::erase_if(files, [](const fs::path& file) { return !is_gguf(file); });
  std::sort(files.begin(), files.end());
  return files;
}

// The .gguf files of a snapshot one by one, else the snapshot as a folder.
void add_snapshot(const std::string& name, const fs::path& snapshot,
                  std::vector<LocalModel>& models) {
  const std::vector<fs::path> files = gguf_files_below(snapshot);
  for (const fs::path& file : files) {
    models.push_back(describe(name + ":" + file.lexically_relative(snapshot).string(), file));
  }
  if (files.empty()) models.push_back(describe(name, snapshot));
}

// The revision that refs/main names; empty where there is none.
std::string main_revision(const fs::path& repository) {
  constexpr std::size_t kLongest = 200;
  Result<std::string> text = read_text_file(repository / "refs" / "main", kLongest);
  if (!text) return {};
  return text->substr(0, text->find_first_of(" \r\n"));
}

// Of the disk: a file with holes takes less than its size.
std::uint64_t bytes_taken(const fs::path& file) {
  struct stat status {};
  if (stat(file.c_str(), &status) != 0) return 0;
  return static_cast<std::uint64_t>(status.st_blocks) * 512;
}

// A model of which only quantized weights are left: one entry for each type of them.
void add_discarded(const LocalModel& outline, std::vector<LocalModel>& models) {
  for (const DType type : {DType::kQ8_0, DType::kQ4_0}) {
    const CachePlace place = place_beside(outline.path, type);
    std::error_code ignored;
    if (!fs::exists(place.file, ignored)) continue;
    LocalModel model = outline;
    model.weights = codec_name(type);
    model.discarded = true;
    model.bytes = bytes_taken(place.file);
    for (const fs::path& file : entries_of(place.folder)) {
      if (file.extension() != ".bora") model.bytes += bytes_taken(file);
    }
    models.push_back(std::move(model));
  }
}

}  // namespace

std::vector<LocalModel> list_models(const fs::path& folder) {
  std::vector<LocalModel> models;
  for (const fs::path& entry : entries_of(folder)) {
    std::string name = entry.filename().string();
    if (name.starts_with(".")) continue;
    if (is_gguf(entry) || is_folder(entry)) models.push_back(describe(std::move(name), entry));
  }
  return models;
}

std::vector<LocalModel> list_hub_models(const fs::path& hub) {
  std::vector<LocalModel> models;
  for (const fs::path& repository : entries_of(hub)) {
    const std::optional<std::string> repo = repo_of_folder(repository.filename().string());
    if (!repo || !is_folder(repository)) continue;
    const std::string& name = *repo;
    const std::vector<fs::path> snapshots = entries_of(repository / "snapshots");
    const std::string main = main_revision(repository);
    for (const fs::path& snapshot : snapshots) {
      const std::string revision = snapshot.filename().string();
      const bool plain = snapshots.size() == 1 || revision == main;
      const std::size_t before = models.size();
      add_snapshot(plain ? name : fmt::format("{}@{}", name, revision), snapshot, models);
      for (std::size_t i = before; i < models.size(); ++i) models[i].revision = revision;
    }
    if (snapshots.empty()) {
      LocalModel model;
      model.name = name;
      model.path = repository;
      model.error = "snapshots: expected at least one, found none";
      models.push_back(std::move(model));
    }
  }
  return models;
}

std::vector<QuantizedWeights> quantized_weights(const fs::path& repository,
                                                const fs::path& quantized) {
  std::vector<QuantizedWeights> found;
  for (const fs::path& snapshot : entries_of(repository / "snapshots")) {
    std::vector<fs::path> models = gguf_files_below(snapshot);
    models.push_back(snapshot);
    for (const fs::path& model : models) {
      const Result<Checkpoint> checkpoint = Checkpoint::open(model);
      if (!checkpoint) continue;
      fs::path folder = cache_place(quantized, *checkpoint, DType::kQ8_0).folder;  // of all types
      if (is_folder(folder)) found.push_back({model, std::move(folder)});
    }
  }
  return found;
}

std::vector<LocalModel> list_discarded_models(const fs::path& outlines) {
  std::vector<LocalModel> models;
  for (const LocalModel& outline : list_hub_models(outlines)) {
    if (outline.error.empty()) add_discarded(outline, models);
  }
  return models;
}

}  // namespace bora
