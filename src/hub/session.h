// HubSession: requests to one Hub. Follows redirects, sends the token, retries, and says in our
// words what a refusal means.
//
// The token goes to the endpoint's own origin (scheme, host and port) and nowhere else: not to the
// CDN that a redirect leads to, and into no URL, log or error. A redirect from https to http is
// refused. Any thread may use it, several at a time.
#pragma once

#include "base/result.h"
#include "hub/http.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>

namespace bora {

struct HubOptions {
  std::string endpoint = "https://huggingface.co";  // without a slash at its end
  std::string token;                                // empty: none
  int attempts = 6;                                 // of one request, before it is given up
  std::chrono::milliseconds first_pause{500};       // doubled after each failure, with jitter
  std::chrono::milliseconds longest_pause{30'000};
  const std::atomic<bool>* interrupted = nullptr;  // set elsewhere: give up
  // For tests; empty: sleeps, and wakes up where `stop` is set.
  std::function<void(std::chrono::milliseconds pause, const std::atomic<bool>* stop)> sleep;
};

// What the Hub said of the file on the way, before a redirect led away from it.
struct LinkedFile {
  std::string etag;    // without quotes; empty: not said
  std::string commit;  // X-Repo-Commit
};

struct HubAnswer {
  HttpResult last;  // of the last exchange
  std::string url;  // that it went to
  LinkedFile linked;
  bool at_endpoint = true;  // whether that was the endpoint's own origin
  std::string problem;      // a redirect that was not followed; empty: none
};

class HubSession {
 public:
  // Errors: kUsage where the endpoint is no http or https URL, or the token not one line of text.
  static Result<HubSession> create(HttpClient& client, HubOptions options);

  // One request with its redirects; not retried. The sink sees the last answer only.
  HubAnswer get(const HttpRequest& request, HttpSink sink);

  // A small document of the Hub, retried: `path` is "/api/..." or a URL of the endpoint's origin.
  // `what` names it in errors. With `link`, gives the URL of the next page there, or "". Errors:
  // kNotFound (refused, or no such thing), kFailed (network), kInterrupted.
  Result<std::string> read(const std::string& path, std::string_view what,
                           std::string* link = nullptr);

  // Waits before the next attempt, after `failures` of them in a row: the server's Retry-After
  // where it gave one, else longer each time.
  void pause(int failures, const HttpHead& head, const std::atomic<bool>* stop);

  [[nodiscard]] const HubOptions& options() const { return options_; }

 private:
  HubSession(HttpClient& client, HubOptions options, std::string origin)
      : client_(&client), options_(std::move(options)), origin_(std::move(origin)) {}

  HttpClient* client_;
  HubOptions options_;
  std::string origin_;
};

// Whether another attempt can help: the server is busy, or the network failed.
bool is_worth_retrying(const HubAnswer& answer);

// Why the Hub refuses a repository, or a file of it (empty: the repository itself).
Error refusal(const HubAnswer& answer, std::string_view repo, std::string_view file,
              const HubOptions& options);

}  // namespace bora
