// Checkpoint: a model's files, mapped, as names -> views. What a model and its tokenizer are made
// from.
//
// Opens a Hugging Face folder (config.json with model.safetensors, with the shards that
// model.safetensors.index.json lists, or with a single other *.safetensors), one .safetensors file
// of such a folder, or a GGUF file (also the only one in a folder), or a GGUF model in parts (any
// of NAME-00001-of-00003.gguf, or their folder where they are alone). Move-only; owns the maps and
// the parsed headers: views, metadata and config borrow from it and survive its move. Immutable
// once open; any thread may read. Opening reads headers, never tensor data.
//
// Errors: kNotFound (no such path, not allowed), kBadModel (everything the files say wrongly),
// kFailed (the system).
#pragma once

#include "base/mapped_file.h"
#include "base/result.h"
#include "formats/json.h"
#include "formats/metadata.h"
#include "formats/stored_tensor.h"
#include "tensor/tensor_view.h"

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace bora {

class Checkpoint {
 public:
  enum class Kind { kHuggingFace, kGguf };

  static Result<Checkpoint> open(const std::filesystem::path& path);

  [[nodiscard]] Kind kind() const { return config_ ? Kind::kHuggingFace : Kind::kGguf; }
  // The folder of a Hugging Face checkpoint, where its tokenizer lies; the file, or first part, of
  // a GGUF one.
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  // What holds tensors, in the order of StoredTensor::file.
  [[nodiscard]] std::span<const MappedFile> files() const { return files_; }

  // Every tensor in file order, also those of types that no view can show.
  [[nodiscard]] std::span<const StoredTensor> tensors() const { return tensors_; }
  [[nodiscard]] std::uint64_t tensor_bytes() const;
  // nullptr where there is none.
  [[nodiscard]] const StoredTensor* find(std::string_view name) const;
  [[nodiscard]] bool contains(std::string_view name) const { return find(name) != nullptr; }
  // The tensor of that name. kBadModel where it is absent, or of a type that bora does not compute
  // with.
  [[nodiscard]] Result<TensorView> tensor(std::string_view name) const;
  // The bytes of a tensor of tensors(), whatever its type.
  [[nodiscard]] std::span<const std::byte> bytes_of(const StoredTensor& tensor) const;

  // Says that these bytes of a tensor have been read for now (MappedFile::done_with).
  void done_with(std::span<const std::byte> bytes) const;

  // From now on these tensors are those of `file`, which joins files(): same names and shapes,
  // other types and places. Views taken before stay those of the old ones. Preconditions (CHECKed):
  // each is a tensor of this checkpoint, with its shape, inside the file.
  void replace_tensors(MappedFile file, std::span<const StoredTensor> tensors);

  // Precondition: kind() is kGguf.
  [[nodiscard]] const Metadata& metadata() const;
  // config.json, an object for certain. Precondition: kind() is kHuggingFace.
  [[nodiscard]] JsonObject config() const;
  // generation_config.json, where there is one.
  [[nodiscard]] std::optional<JsonObject> generation_config() const;

 private:
  Checkpoint() = default;
  static Result<Checkpoint> open_gguf(const std::filesystem::path& path, MappedFile file);
  static Result<Checkpoint> open_gguf_parts(const std::filesystem::path& path, std::size_t number,
                                            std::size_t count);
  static Result<Checkpoint> open_folder(const std::filesystem::path& folder);
  static Result<Checkpoint> open_hugging_face(const std::filesystem::path& folder,
                                              const std::filesystem::path& weights);
  Result<void> add_safetensors(MappedFile file, std::string_view name);
  Result<void> add_shards(const std::filesystem::path& folder, const std::filesystem::path& index);
  Result<void> add_configs(const std::filesystem::path& folder);
  void index_names();
  [[nodiscard]] Result<void> check_names_across_files() const;

  std::filesystem::path path_;
  std::vector<MappedFile> files_;
  std::vector<StoredTensor> tensors_;
  std::vector<std::uint32_t> by_name_;  // indices of tensors_, ordered by name
  Metadata metadata_;
  std::optional<JsonDocument> config_;  // present in Hugging Face checkpoints, and only there
  std::optional<JsonDocument> generation_config_;
};

}  // namespace bora
