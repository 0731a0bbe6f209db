// Opening the GGUF kind of Checkpoint: one file, or a model in parts.
#include "base/printable.h"
#include "formats/checkpoint.h"
#include "formats/gguf.h"
#include "formats/gguf_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

namespace bora {
namespace {

namespace fs = std::filesystem;

std::string file_name(const fs::path& path) { return printable(path.filename().string(), 255); }

Error bad_part(const fs::path& path, std::string_view expected, std::string_view found) {
  return Error{ErrorCode::kBadModel,
               fmt::format("{}: expected {}, found {}", file_name(path), expected, found),
               {}};
}

std::string part_of(std::size_t number, std::size_t count) {
  return count == 1 ? "a whole model" : fmt::format("part {} of {}", number, count);
}

Error missing_part(const fs::path& path, const GgufPartName& part, const Error& cause) {
  if (cause.code != ErrorCode::kNotFound) return cause;
  Error error = bad_part(path, part_of(part.number, part.count) + " of the model", "no such file");
  error.hints = {"the download may be incomplete"};
  return error;
}

}  // namespace

Result<Checkpoint> Checkpoint::open_gguf(const fs::path& path, MappedFile file) {
  Result<GgufHeader> header = parse_gguf(file.bytes(), file_name(path));
  if (!header) return std::move(header).error();
  if (header->split.count > 1) {
    return open_gguf_parts(path, header->split.number + 1, header->split.count);
  }
  Checkpoint checkpoint;
  checkpoint.path_ = path;
  checkpoint.metadata_ = std::move(header->metadata);
  checkpoint.tensors_ = std::move(header->tensors);
  checkpoint.files_.push_back(std::move(file));
  checkpoint.index_names();
  return checkpoint;
}

// `path` is part `number` of `count`, as its header says; the names of the others follow from its.
Result<Checkpoint> Checkpoint::open_gguf_parts(const fs::path& path, std::size_t number,
                                               std::size_t count) {
  std::optional<GgufPartName> part = parse_part_name(path.filename().string());
  if (!part || part->number != number || part->count != count) {
    const std::string name = to_file_name({.model = "NAME", .number = number, .count = count});
    return bad_part(path, fmt::format("{} to be called {}", part_of(number, count), name),
                    "another name");
  }
  Checkpoint checkpoint;
  std::size_t tensors = 0;
  for (std::size_t i = 0; i < count; ++i) {
    part->number = i + 1;
    const fs::path at = path.parent_path() / to_file_name(*part);
    Result<MappedFile> file = MappedFile::open(at);
    if (!file) return missing_part(at, *part, file.error());
    Result<GgufHeader> header = parse_gguf(file->bytes(), file_name(at));
    if (!header) return std::move(header).error();
    if (header->split.count != count || header->split.number != i) {
      return bad_part(at, part_of(i + 1, count),
                      part_of(header->split.number + 1, header->split.count));
    }
    if (i == 0) {
      checkpoint.path_ = at;
      checkpoint.metadata_ = std::move(header->metadata);
      tensors = header->split.tensors;
    }
    for (StoredTensor& tensor : header->tensors) {
      tensor.file = static_cast<std::uint32_t>(i);
      checkpoint.tensors_.push_back(std::move(tensor));
    }
    checkpoint.files_.push_back(std::move(*file));
  }
  if (tensors != 0 && tensors != checkpoint.tensors_.size()) {
    return bad_part(checkpoint.path_, fmt::format("{} tensors in its {} parts", tensors, count),
                    std::to_string(checkpoint.tensors_.size()));
  }
  checkpoint.index_names();
  if (auto unique = checkpoint.check_names_across_files(); !unique) {
    return std::move(unique).error();
  }
  return checkpoint;
}

Result<void> Checkpoint::check_names_across_files() const {
  const auto twin = std::adjacent_find(
      by_name_.begin(), by_name_.end(),
      [&](std::uint32_t a, std::uint32_t b) { return tensors_[a].name == tensors_[b].name; });
  if (twin == by_name_.end()) return {};
  const StoredTensor& a = tensors_[*twin];
  const StoredTensor& b = tensors_[*std::next(twin)];
  return bad_part(files_[std::max(a.file, b.file)].path(), "every tensor once",
                  fmt::format("{}, which is in {} too", quoted(a.name, 60),
                              file_name(files_[std::min(a.file, b.file)].path())));
}

}  // namespace bora
