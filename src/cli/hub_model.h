// A model of the Hub, as commands have it: what of it is here, and how it is had. Everything that
// is asked of the Hub needs select() first. Owner: one thread.
#pragma once

#include "cli/hub_access.h"
#include "cli/options.h"
#include "hub/outline.h"

#include <filesystem>
#include <optional>

namespace bora {

class HubModel {
 public:
  // `how`: the cache is filled in. Errors: kFailed where there is no folder for one.
  static Result<HubModel> create(const ModelLocation& location, ModelRef ref, PullOptions how);

  // The whole model in the Hub's cache.
  [[nodiscard]] std::optional<std::filesystem::path> find_cached() const;
  // What --discard-original left of it; `weights`: of that type (nullopt: of any).
  [[nodiscard]] std::optional<std::filesystem::path> find_discarded(
      std::optional<DType> weights) const;

  // Asks the Hub which files it is; from then on the above look for these alone. `attempts` as
  // HubFlags. Errors as select_model(); kNotFound where asking is forbidden.
  Result<void> select(ProgressLine& progress, int attempts = 0);
  [[nodiscard]] const Selection& selection() const { return selection_; }

  // Errors also: of opening it.
  Result<Outline> outline();
  Result<Pulled> fetch(ProgressLine& progress);
  // Quantizes while it downloads, to weights of that type, on so many threads (0: all). What is to
  // be opened is the outline where the original is discarded. Errors also: kUsage where that would
  // leave nothing.
  Result<Pulled> fetch_quantized(const Outline& outline, DType weights, int threads,
                                 ProgressLine& progress);

 private:
  HubModel(ModelLocation location, ModelRef ref, std::filesystem::path cache, PullOptions how);
  [[nodiscard]] ModelRef wanted() const;
  [[nodiscard]] Error offline_error() const;

  ModelLocation location_;
  ModelRef ref_;
  std::filesystem::path cache_;  // bora's own
  std::filesystem::path outlines_;
  PullOptions how_;
  std::optional<HubAccess> hub_;
  Selection selection_;
};

}  // namespace bora
