// The Hub as the flags and the environment have it: where it is, where the cache lies, and a
// session to ask it.
#pragma once

#include "base/result.h"
#include "cli/environment.h"
#include "hub/session.h"
#include "hub/snapshot.h"
#include <bora/llm.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace bora {

class ProgressLine;

// How a command reaches the Hub. Empty: as the environment says.
struct HubFlags {
  std::string token;
  int attempts = 0;  // 0: the default
};

class HubAccess {
 public:
  // Errors: kUsage for an endpoint, token or file of certificates that is none.
  static Result<HubAccess> open(const HubEnvironment& environment, const HubFlags& flags);
  [[nodiscard]] HubSession& session() { return *session_; }

 private:
  HubAccess(std::unique_ptr<HttpClient> client, HubSession session)
      : client_(std::move(client)), session_(std::make_unique<HubSession>(std::move(session))) {}
  std::unique_ptr<HttpClient> client_;
  std::unique_ptr<HubSession> session_;
};

// What a MODEL of the Hub alone names. Errors: kUsage where it is no such name.
Result<ModelRef> hub_model(std::string_view text);

// The Hub's cache: hub/ in the folder of --cache-dir, else as the environment says. Errors: kFailed
// where there is neither.
Result<std::filesystem::path> hub_folder(const std::string& cache_dir);

// select_files() and fetch_files() with a progress line. They add to errors what a user can do: go
// on after Ctrl-C, take what is in the cache where there is no network.
Result<Selection> select_model(HubSession& session, const ModelRef& ref, const PullOptions& options,
                               ProgressLine& progress);
Result<Pulled> fetch_model(HubSession& session, const Selection& selection, PullOptions options,
                           ProgressLine& progress);

// An error of asking the Hub, with what is in the cache where there is no network.
Error with_cached_hint(Error error, const std::filesystem::path& cache);

// "14.5 GB", "270 MB", "3 kB".
std::string size_text(std::uint64_t bytes);

// "in the cache: a/b, c/d"; nullopt where it is empty.
std::optional<std::string> cached_hint(const std::filesystem::path& cache);

}  // namespace bora
