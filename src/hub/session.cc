#include "hub/session.h"

#include "base/log.h"
#include "base/printable.h"
#include "hub/url.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <random>
#include <thread>
#include <utility>

namespace bora {
namespace {

using std::chrono::milliseconds;

constexpr int kMostRedirects = 8;
constexpr std::size_t kDocumentLimit = std::size_t{64} << 20;

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// W/"abc" and "abc" to abc.
std::string plain_etag(std::string_view etag) {
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') {
    etag = etag.substr(1, etag.size() - 2);
  }
  return std::string(etag);
}

void note_linked(const HttpHead& head, LinkedFile& linked) {
  const std::string_view etag = head.header("x-linked-etag");
  if (!etag.empty()) {
    linked.etag = plain_etag(etag);
  } else if (linked.etag.empty()) {
    linked.etag = plain_etag(head.header("etag"));
  }
  const std::string_view commit = head.header("x-repo-commit");
  if (!commit.empty()) linked.commit = commit;
}

// "<https://host/next>; rel="next"" to the URL.
std::string next_page(std::string_view link) {
  while (!link.empty()) {
    const std::size_t open = link.find('<');
    const std::size_t close = link.find('>', open == link.npos ? 0 : open);
    if (open == link.npos || close == link.npos) return {};
    const std::size_t comma = link.find(',', close);
    const std::string_view rest =
        link.substr(close, comma == link.npos ? link.npos : comma - close);
    if (rest.find("rel=\"next\"") != rest.npos || rest.find("rel=next") != rest.npos) {
      return std::string(link.substr(open + 1, close - open - 1));
    }
    if (comma == link.npos) return {};
    link.remove_prefix(comma + 1);
  }
  return {};
}

void sleep_unless(milliseconds pause, const std::atomic<bool>* stop) {
  constexpr milliseconds kStep{50};
  const auto end = std::chrono::steady_clock::now() + pause;
  while (stop == nullptr || !*stop) {
    const auto left = end - std::chrono::steady_clock::now();
    if (left <= left.zero()) return;
    std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(left, kStep));
  }
}

Error interrupted_error() { return {ErrorCode::kInterrupted, "the Hub: interrupted", {}}; }

std::string found_text(const HubAnswer& answer) {
  if (!answer.problem.empty()) return answer.problem;
  if (answer.last.head.status == 0 || (answer.last.head.status < 400 && !answer.last.whole)) {
    return answer.last.failure.empty() ? "half an answer" : answer.last.failure;
  }
  return fmt::format("status {}", answer.last.head.status);
}

}  // namespace

Result<HubSession> HubSession::create(HttpClient& client, HubOptions options) {
  while (options.endpoint.ends_with('/')) options.endpoint.pop_back();
  std::optional<std::string> origin = url_origin(options.endpoint);
  if (!origin) {
    return Error{ErrorCode::kUsage,
                 fmt::format("HF_ENDPOINT: expected an http or https URL, found {}",
                             quoted(shown_url(options.endpoint))),
                 {}};
  }
  // It becomes a header: a line break in it would begin another.
  const bool plain =
      std::ranges::all_of(options.token, [](char c) { return c > ' ' && c < '\x7f'; });
  if (!plain) {
    return Error{
        ErrorCode::kUsage, "token: expected one word of letters and digits, found more", {}};
  }
  return HubSession(client, std::move(options), *std::move(origin));
}

HubAnswer HubSession::get(const HttpRequest& request, HttpSink sink) {
  HubAnswer answer;
  answer.url = request.url;
  for (int hop = 0; hop <= kMostRedirects; ++hop) {
    HttpRequest step = request;
    step.url = answer.url;
    answer.at_endpoint = url_origin(step.url) == origin_;
    if (answer.at_endpoint && !options_.token.empty()) {
      step.headers.push_back("Authorization: Bearer " + options_.token);
    }
    bool redirected = false;
    const auto on_head = [&](const HttpHead& head) {
      redirected = is_redirect(head.status) && !head.header("location").empty();
      if (answer.at_endpoint) note_linked(head, answer.linked);
      return redirected || sink.on_head(head);
    };
    const auto on_body = [&](std::span<const std::byte> bytes) {
      return redirected || sink.on_body(bytes);
    };
    answer.last = client_->get(step, {on_head, on_body});
    if (!redirected) return answer;
    std::optional<std::string> target =
        redirect_target(step.url, std::string(answer.last.head.header("location")));
    if (!target || (step.url.starts_with("https:") && !target->starts_with("https:"))) {
      answer.problem = "a redirect to where none may lead";
      return answer;
    }
    answer.url = *std::move(target);
  }
  answer.problem = fmt::format("more than {} redirects", kMostRedirects);
  return answer;
}

Result<std::string> HubSession::read(const std::string& path, std::string_view what,
                                     std::string* link) {
  const std::string url = path.starts_with('/') ? options_.endpoint + path : path;
  for (int failures = 0;;) {
    std::string body;
    bool too_long = false;
    const auto on_head = [](const HttpHead&) { return true; };
    const auto on_body = [&](std::span<const std::byte> bytes) {
      too_long = body.size() + bytes.size() > kDocumentLimit;
      if (!too_long) body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      return !too_long;
    };
    const HubAnswer answer = get({.url = url,
                                  .headers = {"Accept: application/json"},
                                  .range = std::nullopt,
                                  .stop = options_.interrupted},
                                 {on_head, on_body});
    if (options_.interrupted != nullptr && *options_.interrupted) return interrupted_error();
    if (answer.last.whole && answer.last.head.status == 200) {
      if (link != nullptr) *link = next_page(answer.last.head.header("link"));
      return body;
    }
    if (too_long) {
      return Error{ErrorCode::kFailed,
                   fmt::format("{}: expected at most {} MB from the Hub, found more", what,
                               kDocumentLimit >> 20U),
                   {}};
    }
    ++failures;
    if (!is_worth_retrying(answer) || failures >= options_.attempts) {
      return refusal(answer, what, {}, options_);
    }
    log(LogLevel::kInfo,
        fmt::format("hub: {}: {}, attempt {}", shown_url(url), found_text(answer), failures + 1));
    pause(failures, answer.last.head, options_.interrupted);
  }
}

void HubSession::pause(int failures, const HttpHead& head, const std::atomic<bool>* stop) {
  const int doublings = std::clamp(failures - 1, 0, 16);
  milliseconds wait = std::min(options_.first_pause * (1L << doublings), options_.longest_pause);
  // Many clients that failed together should not come back together.
  thread_local std::minstd_rand random(std::random_device{}());
  wait = wait / 2 + milliseconds(std::uniform_int_distribution<long>(0, wait.count() / 2)(random));
  long seconds = 0;
  const std::string_view after = head.header("retry-after");
  std::from_chars(after.data(), after.data() + after.size(), seconds);
  constexpr long kMostSeconds = 600;
  wait = std::max(wait, milliseconds(std::clamp(seconds, 0L, kMostSeconds) * 1000));
  options_.sleep ? options_.sleep(wait, stop) : sleep_unless(wait, stop);
}

bool is_worth_retrying(const HubAnswer& answer) {
  const int status = answer.last.head.status;
  if (!answer.problem.empty() || answer.last.untrusted) return false;
  if (status == 0 || ((status == 200 || status == 206) && !answer.last.whole)) return true;
  return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 ||
         status == 504;
}

Error refusal(const HubAnswer& answer, std::string_view repo, std::string_view file,
              const HubOptions& options) {
  const std::string what = printable(file.empty() ? repo : file, 400);
  const int status = answer.last.head.status;
  const std::string_view reason = answer.last.head.header("x-error-code");
  const bool has_token = !options.token.empty();
  if (!answer.at_endpoint || !answer.problem.empty() ||
      (status != 401 && status != 403 && status != 404)) {
    Error error{ErrorCode::kFailed,
                fmt::format("{}: expected an answer of {}, found {}", what,
                            shown_url(options.endpoint), found_text(answer)),
                {}};
    if (answer.last.untrusted) {
      error.hints.emplace_back(
          "SSL_CERT_FILE names a file with the certificates to trust, of a proxy that opens TLS "
          "too");
    }
    return error;
  }
  if (reason == "GatedRepo" || (status == 403 && reason != "RepoNotFound")) {
    return {ErrorCode::kNotFound,
            fmt::format("{}: expected access, found a gated model (status {})", repo, status),
            {fmt::format("1. accept its terms at {}/{}", options.endpoint, repo),
             has_token ? "2. bora login, with a token of the account that has accepted them"
                       : fmt::format("2. bora login, with a token from {}/settings/tokens",
                                     options.endpoint)}};
  }
  if (reason == "RevisionNotFound" || reason == "EntryNotFound") {
    const bool revision = reason == "RevisionNotFound";
    return {ErrorCode::kNotFound,
            fmt::format("{}: expected {} of the repository, found none of that name", what,
                        revision ? "a revision" : "a file"),
            {}};
  }
  if (status == 401 && reason.empty() && has_token) {
    return {
        ErrorCode::kNotFound,
        fmt::format("{}: expected access, found a token that the Hub refuses (status 401)", what),
        {"bora login stores another; HF_TOKEN comes before it"}};
  }
  Error error{ErrorCode::kNotFound,
              fmt::format("{}: expected a model on the Hub, found none of that name", what),
              {}};
  if (!has_token) error.hints.emplace_back("a private one takes a token: bora login");
  return error;
}

}  // namespace bora
