#include "cli/find_model.h"

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
    Result<fs::path> cache = hub_folder(location.cache_dir);
    if (!cache) return std::move(cache).error();
    PullOptions options;
    options.cache = *std::move(cache);
    options.choice = std::move(choice);
    return HubModel(location, ref, std::move(options));
  }

  [[nodiscard]] std::optional<fs::path> find_cached() const {
    return bora::find_cached(options_.cache, ref_, options_.choice.memory);
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
    Result<fs::path> cache = cache_folder(location_.cache_dir);
    if (!cache) return std::move(cache).error();
    Result<Outline> outline =
        fetch_outline(hub_->session(), selection_, *cache / "outlines", &interrupt_flag());
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

  [[nodiscard]] const Selection& selection() const { return selection_; }

 private:
  HubModel(const ModelLocation& location, const ModelRef& ref, PullOptions options)
      : location_(location), ref_(ref), options_(std::move(options)) {}

  [[nodiscard]] Error offline_error() const {
    Error error{ErrorCode::kNotFound,
                fmt::format("{}: expected it in the cache (offline), found none or not all of it",
                            ref_.text()),
                {fmt::format("with a network, bora pull {} fetches it", ref_.text())}};
    if (std::optional<std::string> hint = cached_hint(options_.cache)) {
      error.hints.push_back(*std::move(hint));
    }
    return error;
  }

  const ModelLocation& location_;
  const ModelRef& ref_;
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
  if (std::optional<fs::path> found = model->find_cached()) return *std::move(found);
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
  }
  return model->fetch(*progress);
}

Error no_model(const ModelLocation& location) {
  return {ErrorCode::kNotFound,
          fmt::format("{}: expected a folder, a .gguf file or OWNER/NAME on the Hub, found none",
                      printable(location.model)),
          {}};
}

// The default model, or a path.
bool is_local(const ModelLocation& location) {
  std::error_code ignored;
  return location.model.empty() || fs::exists(location.model, ignored);
}

}  // namespace

Result<fs::path> find_model(const ModelLocation& location, ProgressLine* progress,
                            const LlmOptions* to_run) {
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
