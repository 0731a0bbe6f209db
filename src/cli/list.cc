// bora list: the models that lie on this machine.
#include "api/local_models.h"
#include "base/printable.h"
#include "cli/command.h"
#include "cli/environment.h"
#include "cli/hub_access.h"
#include "cli/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

namespace bora {
namespace {

struct ListOptions {
  std::string cache_dir;
  bool json = false;
};

struct Listing {
  std::vector<LocalModel> models;
  std::filesystem::path default_model;
  std::vector<std::filesystem::path> folders;  // where was looked
};

constexpr HelpText kHelp = {
    "bora list [options]",
    "Lists the models in bora's cache and in that of Hugging Face's tools (HF_HUB_CACHE, "
    "HF_HOME/hub,\n"
    "~/.cache/huggingface/hub): name, architecture, type of most weights, size, and the path to "
    "give\n"
    "as MODEL. What bora cannot run is listed with the reason.",
    "JSON (--json): {\"models\": [{\"name\", \"path\", \"architecture\", \"weights\", \"bytes\",\n"
    "  \"revision\", \"last_used\", \"discarded\", \"default\", \"error\"}, ..]}; revision: the "
    "commit in the "
    "Hub's "
    "cache;\n  last_used: seconds since 1970; error: null, or why bora cannot run it, and then "
    "architecture "
    "and\n"
    "  weights are null"};

FlagTable make_flags(ListOptions& options) {
  FlagTable flags("list");
  flags.text("--cache-dir", "DIR",
             "folder of downloaded models (default: BORA_CACHE, ~/.cache/bora)", options.cache_dir);
  flags.toggle("--json", "one JSON object on stdout", options.json);
  return flags;
}

// "owner/name" of a model in the Hub's cache.
std::string repo_of(const LocalModel& model) {
  return model.name.substr(0, model.name.find_first_of("@:"));
}

Result<Listing> look(const ListOptions& options) {
  Listing listing;
  Result<std::filesystem::path> cache = cache_folder(options.cache_dir);
  if (!cache) return std::move(cache).error();
  listing.default_model = default_model(*cache);
  listing.folders.push_back(listing.default_model.parent_path());
  listing.models = list_models(listing.folders.back());
  const auto add_hub = [&](const std::filesystem::path& hub) {
    listing.folders.push_back(hub);
    std::vector<LocalModel> more = list_hub_models(hub);
    std::move(more.begin(), more.end(), std::back_inserter(listing.models));
  };
  std::error_code ignored;
  const std::filesystem::path own = std::filesystem::path(options.cache_dir) / "hub";
  if (!options.cache_dir.empty() && std::filesystem::exists(own, ignored)) add_hub(own);
  if (const std::filesystem::path hub = hub_cache_folder(); !hub.empty()) add_hub(hub);
  // A snapshot without its weights, or none, is no fault where they were discarded.
  for (LocalModel& model : list_discarded_models(outline_folder(*cache))) {
    std::erase_if(listing.models, [&](const LocalModel& other) {
      const bool same = other.revision.empty() || other.revision == model.revision;
      return !other.error.empty() && same && repo_of(other) == repo_of(model);
    });
    listing.models.push_back(std::move(model));
  }
  return listing;
}

// "2026-11-26"; "-" where it is not known.
std::string date_text(std::int64_t seconds) {
  if (seconds == 0) return "-";
  const std::time_t time = seconds;
  std::tm parts{};
  if (gmtime_r(&time, &parts) == nullptr) return "-";
  return fmt::format("{:04}-{:02}-{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
}

Json to_json(const Listing& listing) {
  const auto text_or_null = [](const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
  };
  Json models = Json::array();
  for (const LocalModel& model : listing.models) {
    models.push_back(
        Json{{"name", model.name},
             {"path", model.path.string()},
             {"architecture", text_or_null(model.architecture)},
             {"weights", text_or_null(model.weights)},
             {"bytes", model.bytes},
             {"revision", text_or_null(model.revision)},
             {"last_used", model.last_used == 0 ? Json(nullptr) : Json(model.last_used)},
             {"discarded", model.discarded},
             {"default", model.path == listing.default_model},
             {"error", text_or_null(model.error)}});
  }
  return Json{{"models", std::move(models)}};
}

std::string to_text(const Listing& listing) {
  std::size_t width = 4;
  for (const LocalModel& model : listing.models) {
    width = std::max(width, printable(model.name).size());
  }
  std::string text = fmt::format("{:<{}}  {:<10}{:<9}{:>8}  {:<9}{:<12}{}\n", "NAME", width, "ARCH",
                                 "WEIGHTS", "SIZE", "REVISION", "USED", "PATH");
  for (const LocalModel& model : listing.models) {
    const bool good = model.error.empty();
    text += fmt::format("{:<{}}  {:<10}{:<9}{:>8}  {:<9}{:<12}{}{}\n", printable(model.name), width,
                        good ? printable(model.architecture) : "-",
                        good ? printable(model.weights) : "-", size_text(model.bytes),
                        printable(model.revision.substr(0, 7)), date_text(model.last_used),
                        printable(model.path.string(), 4000),
                        model.path == listing.default_model ? " (default)" : "");
    if (model.discarded) text += "  the original weights were discarded\n";
    if (!good) text += fmt::format("  cannot run: {}\n", printable(model.error, 1000));
  }
  return text;
}

}  // namespace

FlagTable list_flags() {
  static ListOptions options;
  return make_flags(options);
}

Result<ExitCode> list_command(Arguments arguments) {
  ListOptions options;
  FlagTable flags = make_flags(options);
  Result<bool> parsed = parse_arguments(flags, kHelp, arguments);
  if (!parsed) return std::move(parsed).error();
  if (!*parsed) return ExitCode::kDone;
  Result<Listing> listing = look(options);
  if (!listing) return std::move(listing).error();
  if (options.json) return print_all(to_line(to_json(*listing)));
  if (!listing->models.empty()) return print_all(to_text(*listing));
  std::string note = "no models in\n";
  for (const std::filesystem::path& folder : listing->folders) {
    note += fmt::format("  {}\n", printable(folder.string(), 4000));
  }
  print_note(
      note +
      "make model, or tools/fetch_default_model.sh, fetches the default one; bora pull any of "
      "the Hub\n");
  return ExitCode::kDone;
}

}  // namespace bora
