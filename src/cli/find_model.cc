#include "cli/find_model.h"

#include "base/memory.h"
#include "base/printable.h"
#include "cli/environment.h"
#include "cli/hub_access.h"
#include "cli/progress.h"
#include "hub/cache.h"

#include <fmt/format.h>

namespace bora {
namespace {

namespace fs = std::filesystem;

Result<fs::path> find_default_model(const ModelLocation& location) {
  Result<fs::path> cache = cache_folder(location.cache_dir);
  if (!cache) return cache;
  fs::path model = default_model(*cache);
  std::error_code ignored;
  if (fs::exists(model, ignored)) return model;
  return Error{
      ErrorCode::kNotFound,
      fmt::format("{}: expected the default model, found no such file", model.string()),
      {"make run, or tools/fetch_default_model.sh, fetches it (88 MB)",
       "or name a model: OWNER/NAME on the Hub, a folder with a checkpoint, a .gguf file"}};
}

Result<fs::path> find_on_hub(const ModelLocation& location, const ModelRef& ref,
                             ProgressLine* progress) {
  Result<fs::path> cache = hub_folder(location.cache_dir);
  if (!cache) return cache;
  const std::size_t memory = available_memory();
  if (std::optional<fs::path> found = find_cached(*cache, ref, memory)) return *std::move(found);
  const HubEnvironment environment = hub_environment();
  if (location.offline || environment.offline) {
    Error error{ErrorCode::kNotFound,
                fmt::format("{}: expected it in the cache (offline), found none or not all of it",
                            ref.text()),
                {fmt::format("with a network, bora pull {} fetches it", ref.text())}};
    if (std::optional<std::string> hint = cached_hint(*cache)) error.hints.push_back(*hint);
    return error;
  }
  Result<HubAccess> hub = HubAccess::open(environment, {.token = location.token});
  if (!hub) return std::move(hub).error();
  std::optional<ProgressLine> own;
  if (progress == nullptr) progress = &own.emplace(false);
  PullOptions options;
  options.cache = *std::move(cache);
  options.choice.memory = memory;
  Result<Pulled> pulled = pull_model(hub->session(), ref, std::move(options), *progress);
  if (!pulled) return std::move(pulled).error();
  return std::move(pulled->model);
}

}  // namespace

Result<fs::path> find_model(const ModelLocation& location, ProgressLine* progress) {
  if (location.model.empty()) return find_default_model(location);
  std::error_code ignored;
  if (fs::exists(location.model, ignored)) return fs::path(location.model);
  if (const std::optional<ModelRef> ref = parse_model_ref(location.model)) {
    return find_on_hub(location, *ref, progress);
  }
  return Error{
      ErrorCode::kNotFound,
      fmt::format("{}: expected a folder, a .gguf file or OWNER/NAME on the Hub, found none",
                  printable(location.model)),
      {}};
}

}  // namespace bora
