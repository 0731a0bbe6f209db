#include "cli/find_model.h"

#include "api/model_plan.h"
#include "base/memory.h"
#include "base/printable.h"
#include "cli/environment.h"
#include "cli/hub_model.h"
#include "cli/progress.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

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

Result<HubModel> hub_model_of(const ModelLocation& location, const ModelRef& ref,
                              ChoiceOptions choice) {
  PullOptions how;
  how.choice = std::move(choice);
  return HubModel::create(location, ref, std::move(how));
}

// What lies here already.
std::optional<fs::path> find_here(const HubModel& model, bool discard_original,
                                  const LlmOptions* to_run) {
  if (!discard_original) {
    if (std::optional<fs::path> found = model.find_cached()) return found;
  }
  if (to_run == nullptr) return model.find_discarded(std::nullopt);
  return is_quantized(to_run->weights) ? model.find_discarded(to_run->weights) : std::nullopt;
}

Result<Pulled> fetch_to_run(HubModel& model, const LlmOptions& to_run, ProgressLine& progress) {
  const Result<Outline> outline = model.outline();
  if (!outline) return outline.error();
  if (Result<void> fits = check_fits(outline->model, to_run); !fits) {
    return std::move(fits).error();
  }
  if (!is_quantized(to_run.weights)) return model.fetch(progress);
  return model.fetch_quantized(*outline, *to_run.weights, to_run.threads, progress);
}

Result<fs::path> find_on_hub(const ModelLocation& location, const ModelRef& ref,
                             ProgressLine* progress, const LlmOptions* to_run) {
  ChoiceOptions choice;
  choice.memory =
      to_run != nullptr && to_run->memory_limit ? *to_run->memory_limit : available_memory();
  Result<HubModel> model = hub_model_of(location, ref, std::move(choice));
  if (!model) return std::move(model).error();
  if (std::optional<fs::path> found = find_here(*model, location.discard_original, to_run)) {
    return *std::move(found);
  }
  std::optional<ProgressLine> own;
  if (progress == nullptr) progress = &own.emplace(false);
  if (Result<void> selected = model->select(*progress); !selected) {
    return std::move(selected).error();
  }
  Result<Pulled> pulled =
      to_run != nullptr ? fetch_to_run(*model, *to_run, *progress) : model->fetch(*progress);
  if (!pulled) return std::move(pulled).error();
  return std::move(pulled->model);
}

Error no_model(const ModelLocation& location) {
  return {ErrorCode::kNotFound,
          fmt::format("{}: expected a folder, a .gguf file or OWNER/NAME on the Hub, found none",
                      printable(location.model)),
          {}};
}

Error discard_error(std::string_view expected) {
  return {ErrorCode::kUsage, fmt::format("--discard-original: expected {}", expected), {}};
}

// The default model, or a path.
bool is_local(const ModelLocation& location) {
  std::error_code ignored;
  return location.model.empty() || fs::exists(location.model, ignored);
}

}  // namespace

Result<fs::path> find_model(const ModelLocation& location, ProgressLine* progress,
                            const LlmOptions* to_run) {
  if (location.discard_original) {
    const bool quantized = to_run != nullptr && is_quantized(to_run->weights);
    if (!quantized) return discard_error("--weights int8 or int4 with it, found another type");
    if (is_local(location)) return discard_error("a model of the Hub, found files of your own");
  }
  if (location.model.empty()) return find_default_model(location);
  if (is_local(location)) return fs::path(location.model);
  const std::optional<ModelRef> ref = parse_model_ref(location.model);
  if (!ref) return no_model(location);
  return find_on_hub(location, *ref, progress, to_run);
}

Result<FoundOutline> find_outline(const ModelLocation& location, const ChoiceOptions& choice,
                                  ProgressLine& progress) {
  const std::optional<ModelRef> ref = parse_model_ref(location.model);
  if (is_local(location) || !ref) {
    Result<fs::path> model = find_model(location, &progress);
    if (!model) return std::move(model).error();
    return FoundOutline{.model = *std::move(model)};
  }
  Result<HubModel> model = hub_model_of(location, *ref, choice);
  if (!model) return std::move(model).error();
  if (choice.include.empty() && choice.exclude.empty()) {
    if (std::optional<fs::path> found = model->find_cached()) {
      return FoundOutline{.model = *std::move(found)};
    }
    if (std::optional<fs::path> found = model->find_discarded(std::nullopt)) {
      return FoundOutline{.model = *std::move(found)};
    }
  }
  if (Result<void> selected = model->select(progress); !selected) {
    return std::move(selected).error();
  }
  Result<Outline> outline = model->outline();
  progress.downloaded();
  if (!outline) return std::move(outline).error();
  return FoundOutline{.model = std::move(outline->model),
                      .remote = true,
                      .fetched = outline->fetched,
                      .bytes = model->selection().bytes};
}

}  // namespace bora
