#include "cli/hub_access.h"

#include "base/printable.h"
#include "base/version.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "hub/cache.h"
#include "hub/curl_client.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

namespace bora {

Result<HubAccess> HubAccess::open(const HubEnvironment& environment, const HubFlags& flags) {
  HttpOptions http;
  http.http_proxy = environment.http_proxy;
  http.https_proxy = environment.https_proxy;
  http.no_proxy = environment.no_proxy;
  http.ca_path = environment.ca_path;
  http.user_agent = fmt::format("bora/{}", version());
  http.stall_seconds = environment.stall_seconds;
  http.connect_seconds = environment.stall_seconds;
  Result<std::unique_ptr<CurlClient>> client = CurlClient::create(std::move(http));
  if (!client) return std::move(client).error();
  HubOptions options;
  if (!environment.endpoint.empty()) options.endpoint = environment.endpoint;
  options.token = flags.token.empty() ? environment.token : flags.token;
  if (flags.attempts > 0) options.attempts = flags.attempts;
  options.interrupted = &interrupt_flag();
  Result<HubSession> session = HubSession::create(**client, std::move(options));
  if (!session) return std::move(session).error();
  return HubAccess(*std::move(client), *std::move(session));
}

Result<ModelRef> hub_model(std::string_view text) {
  if (std::optional<ModelRef> ref = parse_model_ref(text)) return *std::move(ref);
  return Error{
      ErrorCode::kUsage,
      fmt::format("MODEL: expected OWNER/NAME[@REVISION][:FILE.gguf], found {}", quoted(text)),
      {}};
}

Result<std::filesystem::path> hub_folder(const std::string& cache_dir) {
  if (!cache_dir.empty()) return std::filesystem::path(cache_dir) / "hub";
  std::filesystem::path folder = hub_cache_folder();
  if (!folder.empty()) return folder;
  return Error{ErrorCode::kFailed,
               "cache of the Hub: expected HOME, HF_HOME or HF_HUB_CACHE to be set, found none",
               {"give a folder with --cache-dir"}};
}

Result<Selection> select_model(HubSession& session, const ModelRef& ref, const PullOptions& options,
                               ProgressLine& progress) {
  progress.show(DownloadProgress());
  const auto on_note = [&](std::string_view line) { progress.note(line); };
  Result<Selection> selection = select_files(session, ref, options.choice, on_note);
  if (selection) return selection;
  Error error = std::move(selection).error();
  progress.downloaded();
  if (error.code == ErrorCode::kInterrupted) {
    error.message = fmt::format("{}: interrupted", ref.text());
  }
  return with_cached_hint(std::move(error), options.cache);
}

Result<Pulled> fetch_model(HubSession& session, const Selection& selection, PullOptions options,
                           ProgressLine& progress) {
  options.interrupted = &interrupt_flag();
  DownloadProgress last;
  progress.show(last);
  const auto on_progress = [&](const DownloadProgress& now) {
    if (!now.waiting) last = now;
    progress.show(now);
  };
  const auto on_note = [&](std::string_view line) { progress.note(line); };
  Result<Pulled> pulled = fetch_files(session, selection, options, on_progress, on_note);
  progress.downloaded();
  if (pulled) return pulled;
  Error error = std::move(pulled).error();
  if (error.code == ErrorCode::kInterrupted) {
    error.message = fmt::format("{}: interrupted", selection.ref.text());
    if (last.bytes > 0) {
      error.message +=
          fmt::format(" with {} of {} here", size_text(last.done), size_text(last.bytes));
    }
    error.hints = {"the same command goes on from there"};
    return error;
  }
  Error hinted = with_cached_hint(error, options.cache);
  if (error.code == ErrorCode::kFailed && error.hints.empty() && last.done > 0) {
    hinted.hints.insert(hinted.hints.begin(), "the same command goes on from where it stopped");
  }
  return hinted;
}

Error with_cached_hint(Error error, const std::filesystem::path& cache) {
  if (error.code != ErrorCode::kFailed || !error.hints.empty()) return error;
  if (std::optional<std::string> hint = cached_hint(cache)) error.hints.push_back(*std::move(hint));
  return error;
}

std::string size_text(std::uint64_t bytes) {
  const auto count = static_cast<double>(bytes);
  if (count >= 1e9) return fmt::format("{:.1f} GB", count * 1e-9);
  if (count >= 1e6) return fmt::format("{:.0f} MB", count * 1e-6);
  return fmt::format("{:.0f} kB", count * 1e-3);
}

std::optional<std::string> cached_hint(const std::filesystem::path& cache) {
  constexpr std::size_t kShown = 8;
  std::vector<std::string> names = cached_repos(cache);
  if (names.empty()) return std::nullopt;
  const bool more = names.size() > kShown;
  if (more) names.resize(kShown);
  return fmt::format("in the cache: {}{}", fmt::join(names, ", "), more ? ", .." : "");
}

}  // namespace bora
