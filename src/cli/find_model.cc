#include "cli/find_model.h"

#include "api/arriving_model.h"
#include "api/model_plan.h"
#include "base/memory.h"
#include "base/printable.h"
#include "cli/environment.h"
#include "cli/hub_access.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "formats/checkpoint.h"
#include "hub/cache.h"
#include "hub/outline.h"

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

// A model of the Hub: in the cache, or to be had.
class HubModel {
 public:
  static Result<HubModel> create(const ModelLocation& location, const ModelRef& ref,
                                 ChoiceOptions choice) {
    Result<fs::path> hub = hub_folder(location.cache_dir);
    if (!hub) return std::move(hub).error();
    Result<fs::path> cache = cache_folder(location.cache_dir);
    if (!cache) return std::move(cache).error();
    PullOptions options;
    options.cache = *std::move(hub);
    options.choice = std::move(choice);
    return HubModel(location, ref, *std::move(cache), std::move(options));
  }

  [[nodiscard]] std::optional<fs::path> find_cached() const {
    return bora::find_cached(options_.cache, ref_, options_.choice.memory);
  }

  // What --discard-original left of it; `weights`: of that type (nullopt: of any).
  [[nodiscard]] std::optional<fs::path> find_discarded(std::optional<DType> weights) const {
    const std::optional<fs::path> found =
        bora::find_cached(outlines_, ref_, options_.choice.memory);
    if (!found) return std::nullopt;
    for (const DType type : {DType::kQ8_0, DType::kQ4_0}) {
      std::error_code ignored;
      const bool wanted = !weights || *weights == type;
      if (wanted && fs::exists(place_beside(*found, type).file, ignored)) return found;
    }
    return std::nullopt;
  }

  // Asks the Hub which files it is.
  Result<void> select(ProgressLine& progress) {
    const HubEnvironment environment = hub_environment();
    if (location_.offline || environment.offline) return offline_error();
    Result<HubAccess> hub = HubAccess::open(environment, {.token = location_.token});
    if (!hub) return std::move(hub).error();
    hub_.emplace(*std::move(hub));
    Result<Selection> selection = select_model(hub_->session(), ref_, options_, progress);
    if (!selection) return std::move(selection).error();
    selection_ = *std::move(selection);
    return {};
  }

  Result<Outline> outline() {
    Result<Outline> outline =
        fetch_outline(hub_->session(), selection_, outlines_, &interrupt_flag());
    if (!outline) return with_cached_hint(std::move(outline).error(), options_.cache);
    // Headers are not verified: what cannot be opened may be the server's passing fault.
    const Result<Checkpoint> opened = Checkpoint::open(outline->model);
    if (opened) return outline;
    std::error_code ignored;
    fs::remove_all(outline->folder, ignored);
    return opened.error();
  }

  Result<fs::path> fetch(ProgressLine& progress) {
    Result<Pulled> pulled = fetch_model(hub_->session(), selection_, options_, progress);
    if (!pulled) return std::move(pulled).error();
    return std::move(pulled->model);
  }

  // Quantizes while it downloads.
  Result<fs::path> fetch_quantized(const Outline& outline, const LlmOptions& to_run,
                                   ProgressLine& progress) {
    ArrivingModelOptions how;
    how.weights = *to_run.weights;
    how.hub = options_.cache;
    how.outlines = outlines_;
    how.cache = quantized_folder(cache_);
    how.discard_original = location_.discard_original;
    how.threads = to_run.threads;
    how.on_progress = [&](const QuantizeProgress& step) { progress.show(step); };
    how.interrupted = &interrupt_flag();
    Result<std::unique_ptr<ArrivingModel>> model =
        ArrivingModel::open(outline, selection_, std::move(how));
    if (!model) return std::move(model).error();
    if (*model == nullptr) return fetch(progress);  // nothing to quantize
    options_.taker = model->get();
    Result<Pulled> pulled = fetch_model(hub_->session(), selection_, options_, progress);
    if (!pulled) return std::move(pulled).error();
    return (*model)->publish(*pulled);
  }

  [[nodiscard]] const Selection& selection() const { return selection_; }

 private:
  HubModel(const ModelLocation& location, const ModelRef& ref, fs::path cache, PullOptions options)
      : location_(location),
        ref_(ref),
        cache_(std::move(cache)),
        outlines_(outline_folder(cache_)),
        options_(std::move(options)) {}

  [[nodiscard]] Error offline_error() const {
    Error error{ErrorCode::kNotFound,
                fmt::format("{}: expected it in the cache (offline), found none or not all of it",
                            ref_.text()),
                {fmt::format("with a network, bora pull {} fetches it", ref_.text())}};
    if (find_discarded(std::nullopt)) {
      error.hints.emplace_back("--weights int8 or int4 runs what --discard-original left");
    } else if (std::optional<std::string> hint = cached_hint(options_.cache)) {
      error.hints.push_back(*std::move(hint));
    }
    return error;
  }

  const ModelLocation& location_;
  const ModelRef& ref_;
  fs::path cache_;  // bora's own
  fs::path outlines_;
  PullOptions options_;
  std::optional<HubAccess> hub_;
  Selection selection_;
};

Result<fs::path> find_on_hub(const ModelLocation& location, const ModelRef& ref,
                             ProgressLine* progress, const LlmOptions* to_run) {
  const std::size_t memory =
      to_run != nullptr && to_run->memory_limit ? *to_run->memory_limit : available_memory();
  ChoiceOptions choice;
  choice.memory = memory;
  Result<HubModel> model = HubModel::create(location, ref, std::move(choice));
  if (!model) return std::move(model).error();
  const bool quantized = to_run != nullptr && is_quantized(to_run->weights);
  if (!location.discard_original) {
    if (std::optional<fs::path> found = model->find_cached()) return *std::move(found);
  }
  if (to_run == nullptr || quantized) {
    const std::optional<DType> weights = quantized ? to_run->weights : std::nullopt;
    if (std::optional<fs::path> found = model->find_discarded(weights)) return *std::move(found);
  }
  std::optional<ProgressLine> own;
  if (progress == nullptr) progress = &own.emplace(false);
  if (Result<void> selected = model->select(*progress); !selected) {
    return std::move(selected).error();
  }
  if (to_run != nullptr) {
    const Result<Outline> outline = model->outline();
    if (!outline) return outline.error();
    if (Result<void> fits = check_fits(outline->model, *to_run); !fits) {
      return std::move(fits).error();
    }
    if (quantized) return model->fetch_quantized(*outline, *to_run, *progress);
  }
  return model->fetch(*progress);
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
  Result<HubModel> model = HubModel::create(location, *ref, choice);
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
