#include "cli/hub_model.h"

#include "api/arriving_model.h"
#include "cli/environment.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "formats/checkpoint.h"
#include "hub/cache.h"
#include "quantize/cache_file.h"
#include "quantize/codec.h"

#include <fmt/format.h>

#include <utility>

namespace bora {

namespace fs = std::filesystem;

Result<HubModel> HubModel::create(const ModelLocation& location, ModelRef ref, PullOptions how) {
  Result<fs::path> hub = hub_folder(location.cache_dir);
  if (!hub) return std::move(hub).error();
  Result<fs::path> cache = cache_folder(location.cache_dir);
  if (!cache) return std::move(cache).error();
  how.cache = *std::move(hub);
  return HubModel(location, std::move(ref), *std::move(cache), std::move(how));
}

HubModel::HubModel(ModelLocation location, ModelRef ref, fs::path cache, PullOptions how)
    : location_(std::move(location)),
      ref_(std::move(ref)),
      cache_(std::move(cache)),
      outlines_(outline_folder(cache_)),
      how_(std::move(how)) {}

ModelRef HubModel::wanted() const {
  if (selection_.commit.empty()) return ref_;
  return {.repo = ref_.repo, .revision = selection_.commit, .file = selection_.gguf};
}

std::optional<fs::path> HubModel::find_cached() const {
  return bora::find_cached(how_.cache, wanted(), how_.choice.memory);
}

std::optional<fs::path> HubModel::find_discarded(std::optional<DType> weights) const {
  std::optional<fs::path> found = bora::find_cached(outlines_, wanted(), how_.choice.memory);
  if (!found) return std::nullopt;
  for (const DType type : {DType::kQ8_0, DType::kQ4_0}) {
    std::error_code ignored;
    const bool is_wanted = !weights || *weights == type;
    if (is_wanted && fs::exists(place_beside(*found, type).file, ignored)) return found;
  }
  return std::nullopt;
}

Result<void> HubModel::select(ProgressLine& progress, int attempts) {
  const HubEnvironment environment = hub_environment();
  if (location_.offline || environment.offline) return offline_error();
  Result<HubAccess> hub =
      HubAccess::open(environment, {.token = location_.token, .attempts = attempts});
  if (!hub) return std::move(hub).error();
  hub_.emplace(*std::move(hub));
  Result<Selection> selection = select_model(hub_->session(), ref_, how_, progress);
  if (!selection) return std::move(selection).error();
  selection_ = *std::move(selection);
  return {};
}

Result<Outline> HubModel::outline() {
  Result<Outline> outline =
      fetch_outline(hub_->session(), selection_, outlines_, &interrupt_flag());
  if (!outline) return with_cached_hint(std::move(outline).error(), how_.cache);
  // Headers are not verified: what cannot be opened may be the server's passing fault.
  const Result<Checkpoint> opened = Checkpoint::open(outline->model);
  if (opened) return outline;
  std::error_code ignored;
  fs::remove_all(outline->folder, ignored);
  return opened.error();
}

Result<Pulled> HubModel::fetch(ProgressLine& progress) {
  return fetch_model(hub_->session(), selection_, how_, progress);
}

Result<Pulled> HubModel::fetch_quantized(const Outline& outline, DType weights, int threads,
                                         ProgressLine& progress) {
  ArrivingModelOptions options;
  options.weights = weights;
  options.hub = how_.cache;
  options.outlines = outlines_;
  options.cache = quantized_folder(cache_);
  options.discard_original = location_.discard_original;
  options.threads = threads;
  options.on_progress = [&](const QuantizeProgress& step) { progress.show(step); };
  options.interrupted = &interrupt_flag();
  Result<std::unique_ptr<ArrivingModel>> model =
      ArrivingModel::open(outline, selection_, std::move(options));
  if (!model) return std::move(model).error();
  if (*model == nullptr) {
    if (!location_.discard_original) return fetch(progress);
    return Error{ErrorCode::kUsage,
                 fmt::format("--discard-original: expected weights to quantize to {} in {}, found "
                             "none: nothing would be left",
                             codec_name(weights), ref_.text()),
                 {"without it the model is had as it is stored"}};
  }
  PullOptions how = how_;
  how.taker = model->get();
  Result<Pulled> pulled = fetch_model(hub_->session(), selection_, how, progress);
  if (!pulled) return pulled;
  Result<fs::path> published = (*model)->publish(*pulled);
  if (!published) return std::move(published).error();
  pulled->model = *std::move(published);
  return pulled;
}

Error HubModel::offline_error() const {
  Error error{ErrorCode::kNotFound,
              fmt::format("{}: expected it in the cache (offline), found none or not all of it",
                          ref_.text()),
              {fmt::format("with a network, bora pull {} fetches it", ref_.text())}};
  if (find_discarded(std::nullopt)) {
    error.hints.emplace_back("--weights int8 or int4 runs what --discard-original left");
  } else if (find_cached()) {
    error.hints.emplace_back("the original is here: it runs without --discard-original");
  } else if (std::optional<std::string> hint = cached_hint(how_.cache)) {
    error.hints.push_back(*std::move(hint));
  }
  return error;
}

}  // namespace bora
