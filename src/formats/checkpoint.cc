#include "formats/checkpoint.h"

#include "base/check.h"
#include "base/printable.h"
#include "formats/gguf.h"
#include "formats/gguf_parts.h"
#include "formats/safetensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <system_error>
#include <utility>

namespace bora {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kConfig = "config.json";
constexpr std::string_view kGenerationConfig = "generation_config.json";
constexpr std::string_view kSingle = "model.safetensors";
constexpr std::string_view kIndex = "model.safetensors.index.json";
constexpr std::size_t kConfigLimit = std::size_t{16} << 20U;
constexpr std::size_t kMaxFolderEntries = 100'000;

std::string shown(const fs::path& path) { return printable(path.string(), 1024); }
std::string file_name(const fs::path& path) { return printable(path.filename().string(), 255); }

// The names of a folder's files, sorted, so that what is found does not depend on the disk's order.
Result<std::vector<std::string>> list_files(const fs::path& folder) {
  std::error_code failure;
  std::vector<std::string> names;
  fs::directory_iterator entry(folder, failure);
  while (!failure && entry != fs::directory_iterator()) {
    names.push_back(entry->path().filename().string());
    if (names.size() > kMaxFolderEntries) {
      return Error{ErrorCode::kBadModel,
                   fmt::format("{}: expected the folder of a model, found over {} files",
                               shown(folder), kMaxFolderEntries),
                   {}};
    }
    entry.increment(failure);
  }
  if (failure) {
    const bool refused = failure == std::errc::permission_denied;
    return Error{
        refused ? ErrorCode::kNotFound : ErrorCode::kFailed,
        fmt::format("{}: expected a readable folder, found {}", shown(folder), failure.message()),
        {}};
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> with_suffix(const std::vector<std::string>& names,
                                     std::string_view suffix) {
  std::vector<std::string> chosen;
  for (const std::string& name : names) {
    if (name.size() > suffix.size() && name.front() != '.' && name.ends_with(suffix)) {
      chosen.push_back(name);
    }
  }
  return chosen;
}

// `a.gguf, b.gguf and 3 more`
std::string list_some(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 4;
  std::vector<std::string> some;
  for (const std::string& name : names) {
    if (some.size() < kShown) some.push_back(printable(name, 80));
  }
  std::string text = fmt::format("{}", fmt::join(some, ", "));
  if (names.size() > kShown) text += fmt::format(" and {} more", names.size() - kShown);
  return text;
}

Error no_weights(const fs::path& folder, const std::vector<std::string>& names) {
  Error error{ErrorCode::kBadModel, "", {}};
  std::vector<std::string> pickles = with_suffix(names, ".bin");
  for (std::string& name : with_suffix(names, ".pt")) pickles.push_back(std::move(name));
  for (std::string& name : with_suffix(names, ".pth")) pickles.push_back(std::move(name));
  error.message = fmt::format("{}: expected safetensors or GGUF, found {}", shown(folder),
                              !pickles.empty() ? list_some(pickles)
                              : names.empty()  ? "an empty folder"
                                               : "neither in the folder");
  if (!pickles.empty()) {
    error.hints = {"PyTorch files can run code when read: convert them to safetensors first"};
  }
  return error;
}

// Which file names the weights: model.safetensors, the index, or the only *.safetensors there is.
// Empty where there is none.
Result<fs::path> choose_safetensors(const fs::path& folder, const std::vector<std::string>& names) {
  for (const std::string_view usual : {kSingle, kIndex}) {
    if (std::binary_search(names.begin(), names.end(), usual)) return folder / usual;
  }
  const std::vector<std::string> others = with_suffix(names, ".safetensors");
  if (others.empty()) return fs::path();
  if (others.size() == 1) return folder / others.front();
  return Error{ErrorCode::kBadModel,
               fmt::format("{}: expected {} or {}, found {}", shown(folder), kSingle, kIndex,
                           list_some(others)),
               {"where one of these is the model, name that file"}};
}

bool is_absent(const Error& error) { return error.code == ErrorCode::kNotFound; }

Error missing_shard(const std::string& shard, const Error& cause) {
  if (!is_absent(cause)) return cause;
  return Error{
      ErrorCode::kBadModel,
      fmt::format("{}: expected the files that it lists, found no {}", kIndex, printable(shard)),
      {"the download may be incomplete"}};
}

// Drops the tensors from position `begin` on, all of one shard, that its entries do not list; an
// error where the shard lacks a listed one. `entries` are ordered by tensor and never empty.
Result<void> keep_listed(std::vector<StoredTensor>& tensors, std::size_t begin,
                         std::span<const ShardEntry> entries) {
  std::vector<bool> found(entries.size(), false);
  const auto unlisted = [&](const StoredTensor& tensor) {
    const auto entry = std::lower_bound(
        entries.begin(), entries.end(), tensor.name,
        [](const ShardEntry& e, std::string_view name) { return e.tensor < name; });
    if (entry == entries.end() || entry->tensor != tensor.name) return true;
    found[static_cast<std::size_t>(entry - entries.begin())] = true;
    return false;
  };
  const auto shard_begin = tensors.begin() + static_cast<std::ptrdiff_t>(begin);
  tensors.erase(std::remove_if(shard_begin, tensors.end(), unlisted), tensors.end());
  const auto lost = std::find(found.begin(), found.end(), false);
  if (lost == found.end()) return {};
  const ShardEntry& entry = entries[static_cast<std::size_t>(lost - found.begin())];
  return Error{ErrorCode::kBadModel,
               fmt::format("{}: expected the tensor {} that {} places there, found none",
                           printable(entry.file), printable(entry.tensor), kIndex),
               {}};
}

}  // namespace

Result<Checkpoint> Checkpoint::open(const fs::path& path) {
  std::error_code failure;
  const fs::file_status status = fs::status(path, failure);
  if (fs::is_directory(status)) return open_folder(path);
  if (!fs::exists(status)) {
    const bool missing = status.type() == fs::file_type::not_found;
    return Error{ErrorCode::kNotFound,
                 fmt::format("{}: expected a model's folder or file, found {}", shown(path),
                             missing ? "nothing there" : failure.message()),
                 {}};
  }
  if (path.extension() == ".safetensors") {
    return open_hugging_face(path.has_parent_path() ? path.parent_path() : ".", path);
  }
  Result<MappedFile> file = MappedFile::open(path);
  if (!file) return std::move(file).error();
  if (!is_gguf(file->bytes())) {
    return Error{ErrorCode::kBadModel,
                 fmt::format("{}: expected a GGUF or safetensors file, found neither", shown(path)),
                 {}};
  }
  return open_gguf(path, std::move(*file));
}

Result<Checkpoint> Checkpoint::open_folder(const fs::path& folder) {
  Result<std::vector<std::string>> names = list_files(folder);
  if (!names) return std::move(names).error();
  Result<fs::path> safetensors = choose_safetensors(folder, *names);
  const std::vector<std::string> ggufs = with_suffix(*names, ".gguf");
  if (!safetensors && ggufs.empty()) return std::move(safetensors).error();
  if (safetensors && !safetensors->empty()) return open_hugging_face(folder, *safetensors);
  if (ggufs.size() == 1 || are_parts_of_one(ggufs)) return open(folder / ggufs.front());
  if (ggufs.size() > 1) {
    return Error{ErrorCode::kBadModel,
                 fmt::format("{}: expected one GGUF file, found {}: {}", shown(folder),
                             ggufs.size(), list_some(ggufs)),
                 {"name the file to use"}};
  }
  return no_weights(folder, *names);
}

Result<Checkpoint> Checkpoint::open_hugging_face(const fs::path& folder, const fs::path& weights) {
  Checkpoint checkpoint;
  checkpoint.path_ = folder;
  if (auto added = checkpoint.add_configs(folder); !added) return std::move(added).error();
  if (weights.filename() == kIndex) {
    if (auto added = checkpoint.add_shards(folder, weights); !added) {
      return std::move(added).error();
    }
  } else {
    Result<MappedFile> file = MappedFile::open(weights);
    if (!file) return std::move(file).error();
    if (auto added = checkpoint.add_safetensors(std::move(*file), file_name(weights)); !added) {
      return std::move(added).error();
    }
  }
  checkpoint.index_names();
  return checkpoint;
}

Result<void> Checkpoint::add_configs(const fs::path& folder) {
  Result<JsonDocument> config = JsonDocument::read(folder / kConfig, kConfigLimit);
  if (!config) {
    if (!is_absent(config.error())) return std::move(config).error();
    return Error{
        ErrorCode::kBadModel,
        fmt::format("{}: expected config.json beside the weights, found none", shown(folder)),
        {"a safetensors file does not say what model it holds; config.json does"}};
  }
  if (Result<JsonObject> root = config->object(); !root) return std::move(root).error();
  config_ = std::move(*config);

  Result<JsonDocument> generation = JsonDocument::read(folder / kGenerationConfig, kConfigLimit);
  if (!generation) {
    if (is_absent(generation.error())) return {};
    return std::move(generation).error();
  }
  if (Result<JsonObject> root = generation->object(); !root) return std::move(root).error();
  generation_config_ = std::move(*generation);
  return {};
}

Result<void> Checkpoint::add_safetensors(MappedFile file, std::string_view name) {
  Result<std::vector<StoredTensor>> tensors = parse_safetensors(file.bytes(), name);
  if (!tensors) return std::move(tensors).error();
  const auto index = static_cast<std::uint32_t>(files_.size());
  for (StoredTensor& tensor : *tensors) {
    tensor.file = index;
    tensors_.push_back(std::move(tensor));
  }
  files_.push_back(std::move(file));
  return {};
}

// The index decides which tensor comes from which shard; a tensor that it does not list is not
// loaded, as elsewhere.
Result<void> Checkpoint::add_shards(const fs::path& folder, const fs::path& index) {
  Result<JsonDocument> document = JsonDocument::read(index, kJsonFileLimit);
  if (!document) return std::move(document).error();
  Result<std::vector<ShardEntry>> entries = parse_shard_index(*document);
  if (!entries) return std::move(entries).error();
  for (auto first = entries->begin(); first != entries->end();) {
    const auto last = std::find_if(first, entries->end(),
                                   [&](const ShardEntry& e) { return e.file != first->file; });
    Result<MappedFile> file = MappedFile::open(folder / first->file);
    if (!file) return missing_shard(first->file, file.error());
    const std::size_t before = tensors_.size();
    if (auto added = add_safetensors(std::move(*file), printable(first->file)); !added) {
      return std::move(added).error();
    }
    if (auto kept = keep_listed(tensors_, before, {first, last}); !kept) {
      return std::move(kept).error();
    }
    first = last;
  }
  return {};
}

void Checkpoint::index_names() {
  by_name_.resize(tensors_.size());
  std::iota(by_name_.begin(), by_name_.end(), 0U);
  std::sort(by_name_.begin(), by_name_.end(),
            [&](std::uint32_t a, std::uint32_t b) { return tensors_[a].name < tensors_[b].name; });
}

std::uint64_t Checkpoint::tensor_bytes() const {
  // Each tensor lies inside its file, but a hostile file may show the same bytes often.
  std::uint64_t total = 0;
  for (const StoredTensor& tensor : tensors_) total += tensor.bytes;
  return total;
}

const StoredTensor* Checkpoint::find(std::string_view name) const {
  const auto place = std::lower_bound(
      by_name_.begin(), by_name_.end(), name,
      [&](std::uint32_t index, std::string_view wanted) { return tensors_[index].name < wanted; });
  if (place == by_name_.end() || tensors_[*place].name != name) return nullptr;
  return &tensors_[*place];
}

Result<TensorView> Checkpoint::tensor(std::string_view name) const {
  const StoredTensor* stored = find(name);
  if (stored == nullptr) {
    return Error{ErrorCode::kBadModel,
                 fmt::format("{}: expected a tensor {}, found none", shown(path_), printable(name)),
                 {}};
  }
  const MappedFile& file = files_[stored->file];
  if (!stored->dtype) {
    return Error{
        ErrorCode::kBadModel,
        fmt::format("{}: {}: {}", file_name(file.path()), printable(name), stored->obstacle),
        {}};
  }
  return TensorView{file.bytes().data() + stored->offset, *stored->dtype, stored->shape};
}

void Checkpoint::done_with(std::span<const std::byte> bytes) const {
  const auto has_them = [&](const MappedFile& file) {
    const std::span<const std::byte> all = file.bytes();
    return bytes.data() >= all.data() && bytes.data() < all.data() + all.size();
  };
  const auto file = std::ranges::find_if(files_, has_them);
  if (file == files_.end()) return;
  file->done_with(static_cast<std::size_t>(bytes.data() - file->bytes().data()), bytes.size());
}

void Checkpoint::replace_tensors(MappedFile file, std::span<const StoredTensor> tensors) {
  const auto index = static_cast<std::uint32_t>(files_.size());
  for (const StoredTensor& tensor : tensors) {
    const StoredTensor* old = find(tensor.name);
    CHECK(old != nullptr && old->shape == tensor.shape && tensor.dtype,
          "the same tensor, readable");
    CHECK(
        tensor.offset <= file.bytes().size() && tensor.bytes <= file.bytes().size() - tensor.offset,
        "a tensor lies inside its file");
    StoredTensor& replaced = tensors_[static_cast<std::size_t>(old - tensors_.data())];
    replaced = tensor;
    replaced.file = index;
  }
  files_.push_back(std::move(file));
}

std::span<const std::byte> Checkpoint::bytes_of(const StoredTensor& tensor) const {
  return files_[tensor.file].bytes().subspan(tensor.offset, tensor.bytes);
}

const Metadata& Checkpoint::metadata() const {
  CHECK(kind() == Kind::kGguf, "only GGUF files have metadata");
  return metadata_;
}

JsonObject Checkpoint::config() const {
  CHECK(kind() == Kind::kHuggingFace, "only Hugging Face checkpoints have config.json");
  Result<JsonObject> root = config_->object();
  return std::move(*root);
}

std::optional<JsonObject> Checkpoint::generation_config() const {
  if (!generation_config_) return std::nullopt;
  Result<JsonObject> root = generation_config_->object();
  return std::move(*root);
}

}  // namespace bora
