#include "hub/choose.h"

#include "base/printable.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fnmatch.h>
#include <map>

namespace bora {
namespace {

// What model, tokenizer and template are read from, or what other tools need to read them.
constexpr std::array<std::string_view, 16> kSmallFiles = {"config.json",
                                                          "generation_config.json",
                                                          "model.safetensors.index.json",
                                                          "tokenizer.json",
                                                          "tokenizer_config.json",
                                                          "tokenizer.model",
                                                          "tokenizer.model.v*",
                                                          "special_tokens_map.json",
                                                          "added_tokens.json",
                                                          "vocab.json",
                                                          "merges.txt",
                                                          "tekken.json",
                                                          "chat_template.jinja",
                                                          "chat_template.json",
                                                          "spiece.model",
                                                          "sentencepiece*.model"};

bool has_folder(std::string_view name) { return name.find('/') != name.npos; }

bool any_matches(const std::vector<std::string>& patterns, std::string_view name) {
  return std::ranges::any_of(patterns,
                             [&](const std::string& pattern) { return matches(pattern, name); });
}

bool is_small_file(std::string_view name) {
  return std::ranges::any_of(kSmallFiles,
                             [&](std::string_view pattern) { return matches(pattern, name); });
}

// Weights of the model itself: "model.safetensors", "model-00001-of-00002.safetensors".
bool is_plain_weights(std::string_view name) {
  return !has_folder(name) && name.ends_with(".safetensors") &&
         (name == "model.safetensors" || (part_name(name) && part_name(name)->stem == "model"));
}

// Under any other name: not those of other tools, nor of adapters.
bool is_other_weights(std::string_view name) {
  return !has_folder(name) && name.ends_with(".safetensors") && !name.starts_with("consolidated") &&
         !name.starts_with("adapter") && !name.starts_with("optimizer");
}

bool is_gguf(std::string_view name) {
  return name.ends_with(".gguf") && name.find("mmproj") == name.npos &&
         name.find("imatrix") == name.npos;
}

// "a-00001-of-00003.gguf" to "a", its parts' common name; else the name.
std::string_view parts_name(std::string_view name) {
  const std::optional<PartName> part = part_name(name);
  return part ? part->stem : name;
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

// A .gguf model in one or more parts, the first part first.
struct GgufModel {
  std::vector<RemoteFile> parts;
  std::uint64_t bytes = 0;
};

std::vector<GgufModel> gguf_models(const std::vector<RemoteFile>& files) {
  std::map<std::string_view, GgufModel> by_name;
  for (const RemoteFile& file : files) {
    if (!is_gguf(file.name)) continue;
    GgufModel& model = by_name[parts_name(file.name)];
    model.parts.push_back(file);
    model.bytes += file.bytes;
  }
  std::vector<GgufModel> models;
  for (auto& [name, model] : by_name) {
    std::ranges::sort(model.parts, {}, &RemoteFile::name);
    models.push_back(std::move(model));
  }
  return models;
}

FileChoice choice_of(const GgufModel& model, std::string reason) {
  return {model.parts, model.parts.front().name, std::move(reason)};
}

Error no_such_file(const std::vector<GgufModel>& models, std::string_view wanted) {
  std::vector<std::string> names;
  for (const GgufModel& model : models) names.push_back(printable(model.parts.front().name));
  constexpr std::size_t kShown = 12;
  const bool more = names.size() > kShown;
  if (more) names.resize(kShown);
  return {ErrorCode::kNotFound,
          fmt::format("{}: expected a .gguf file of the repository, found none", quoted(wanted)),
          {names.empty() ? "it has none"
                         : fmt::format("it has {}{}", fmt::join(names, ", "), more ? ", .." : "")}};
}

// By its whole name, its name without folders, or as the type in it.
Result<FileChoice> named_gguf(const std::vector<GgufModel>& models, std::string_view wanted) {
  const std::string tag = upper(wanted);
  const GgufModel* tagged = nullptr;
  for (const GgufModel& model : models) {
    for (const RemoteFile& part : model.parts) {
      const std::string_view name(part.name);
      if (name == wanted || name.substr(name.rfind('/') + 1) == wanted) return choice_of(model, {});
    }
    // "Q4_K" is not "Q4_K_M": what follows the type is no letter of a type.
    const std::string name = upper(model.parts.front().name);
    const std::size_t at = name.rfind(tag);
    if (at == name.npos || at == 0) continue;
    const char after = at + tag.size() < name.size() ? name[at + tag.size()] : '.';
    if (after == '.' || after == '-' || after == '/') tagged = &model;
  }
  if (tagged == nullptr) return no_such_file(models, wanted);
  return choice_of(*tagged, {});
}

Result<FileChoice> best_gguf(const std::vector<GgufModel>& models, std::uint64_t memory) {
  if (models.size() == 1) return choice_of(models.front(), {});
  std::vector<std::uint64_t> sizes;
  for (const GgufModel& model : models) sizes.push_back(model.bytes);
  const std::size_t best = best_that_fits(sizes, memory);
  constexpr double kGb = 1e-9;
  if (best == sizes.size()) {
    const auto smallest = std::ranges::min_element(models, {}, &GgufModel::bytes);
    return Error{
        ErrorCode::kDoesNotFit,
        fmt::format("memory: expected room for the smallest, {} of {:.1f} GB, found {:.1f} GB",
                    printable(smallest->parts.front().name),
                    static_cast<double>(smallest->bytes) * kGb, static_cast<double>(memory) * kGb),
        {"name a file to have it all the same: OWNER/NAME:FILE.gguf"}};
  }
  return choice_of(models[best],
                   fmt::format("{}: the largest of {} that fits into {:.1f} GB of memory",
                               models[best].parts.front().name, models.size(),
                               static_cast<double>(memory) * kGb));
}

std::vector<RemoteFile> filtered(const std::vector<RemoteFile>& files,
                                 bool (*keep)(std::string_view)) {
  std::vector<RemoteFile> kept;
  std::ranges::copy_if(files, std::back_inserter(kept),
                       [&](const RemoteFile& file) { return keep(file.name); });
  return kept;
}

Error nothing_to_run(const std::vector<RemoteFile>& files) {
  const bool pickled = std::ranges::any_of(files, [](const RemoteFile& file) {
    return file.name.ends_with(".bin") || file.name.ends_with(".pth") || file.name.ends_with(".pt");
  });
  return {ErrorCode::kBadModel,
          fmt::format("repository: expected .safetensors or .gguf weights, found {}",
                      pickled ? "weights of PyTorch's own format only" : "none"),
          {"--include PATTERN downloads other files"}};
}

}  // namespace

bool matches(std::string_view pattern, std::string_view name) {
  std::string full(pattern);
  if (full.ends_with('/')) full += '*';
  return fnmatch(full.c_str(), std::string(name).c_str(), FNM_NOESCAPE) == 0;
}

std::optional<PartName> part_name(std::string_view name) {
  constexpr std::size_t kDigits = 5;
  constexpr std::string_view kOf = "-of-";
  constexpr std::size_t kTail = 1 + kDigits + kOf.size() + kDigits;  // "-00002-of-00005"
  name = name.substr(0, name.rfind('.'));
  if (name.size() <= kTail) return std::nullopt;
  const std::string_view tail = name.substr(name.size() - kTail);
  PartName found{.stem = name.substr(0, name.size() - kTail)};
  const auto digits = [](std::string_view text, std::size_t& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size();
  };
  const bool right = tail.front() == '-' && tail.substr(1 + kDigits, kOf.size()) == kOf &&
                     digits(tail.substr(1, kDigits), found.part) &&
                     digits(tail.substr(kTail - kDigits), found.parts);
  return right ? std::optional(found) : std::nullopt;
}

std::size_t best_that_fits(const std::vector<std::uint64_t>& sizes, std::uint64_t memory) {
  // For the KV cache and what a forward pass works in: a tenth, and half a gigabyte.
  constexpr std::uint64_t kBase = std::uint64_t{512} << 20;
  std::size_t best = sizes.size();
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const bool fits = memory == 0 || sizes[i] + sizes[i] / 10 + kBase <= memory;
    if (fits && (best == sizes.size() || sizes[i] > sizes[best])) best = i;
  }
  return best;
}

Result<FileChoice> choose_files(const std::vector<RemoteFile>& all, const ChoiceOptions& options) {
  std::vector<RemoteFile> files;
  for (const RemoteFile& file : all) {
    const bool wanted = options.include.empty() || any_matches(options.include, file.name);
    if (wanted && !any_matches(options.exclude, file.name)) files.push_back(file);
  }
  if (!options.file.empty()) return named_gguf(gguf_models(files), options.file);
  if (!options.include.empty()) {
    if (!files.empty()) return FileChoice{std::move(files), {}, {}};
    return Error{ErrorCode::kNotFound, "--include: expected to match a file, found none", {}};
  }
  std::vector<RemoteFile> weights = filtered(files, is_plain_weights);
  // One file and its parts are the same weights twice.
  if (std::ranges::any_of(weights,
                          [](const RemoteFile& f) { return f.name == "model.safetensors"; })) {
    std::erase_if(weights, [](const RemoteFile& f) { return f.name != "model.safetensors"; });
  }
  if (weights.empty()) weights = filtered(files, is_other_weights);
  if (weights.empty()) {
    const std::vector<GgufModel> models = gguf_models(files);
    return models.empty() ? Result<FileChoice>(nothing_to_run(files))
                          : best_gguf(models, options.memory);
  }
  FileChoice choice{filtered(files, is_small_file), {}, {}};
  std::ranges::move(weights, std::back_inserter(choice.files));
  return choice;
}

}  // namespace bora
