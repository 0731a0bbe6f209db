#include "hub/curl_client.h"

#include "base/printable.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <curl/curl.h>
#include <filesystem>
#include <system_error>
#include <utility>

namespace bora {
namespace {

constexpr long kBuffer = 256L << 10;
constexpr std::size_t kHeadersLimit = std::size_t{256} << 10;  // of an answer, in bytes

// One get() while it runs.
struct Exchange {
  const HttpRequest* request = nullptr;
  HttpSink* sink = nullptr;
  HttpHead head;
  std::size_t header_bytes = 0;
  bool head_given = false;
  bool ended = false;  // by a sink
  bool stopped = false;
};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::string_view(" \t\r\n").find(text.front()) != text.npos) {
    text.remove_prefix(1);
  }
  while (!text.empty() && std::string_view(" \t\r\n").find(text.back()) != text.npos) {
    text.remove_suffix(1);
  }
  return text;
}

void add_header(HttpHead& head, std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  std::string name(line.substr(0, colon));
  std::ranges::transform(name, name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  head.headers[std::move(name)] = trimmed(line.substr(colon + 1));
}

// "HTTP/1.1 206 Partial Content": a new head begins.
void begin_head(HttpHead& head, std::string_view line) {
  head = HttpHead();
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) return;
  const std::string_view rest = line.substr(space + 1);
  std::from_chars(rest.data(), rest.data() + rest.size(), head.status);
}

std::size_t on_header(const char* data, std::size_t size, std::size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::string_view line = trimmed({data, size * count});
  exchange.header_bytes += size * count;
  if (exchange.head_given || exchange.header_bytes > kHeadersLimit) {
    return exchange.head_given ? count * size : 0;  // a trailer is nothing to us
  }
  if (line.starts_with("HTTP/")) {
    begin_head(exchange.head, line);
  } else if (!line.empty()) {
    add_header(exchange.head, line);
  } else if (exchange.head.status >= 200) {
    exchange.head_given = true;
    exchange.ended = !exchange.sink->on_head(exchange.head);
    if (exchange.ended) return 0;
  }
  return size * count;
}

std::size_t on_body(const char* data, std::size_t size, std::size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  exchange.ended = !exchange.sink->on_body(std::as_bytes(std::span(data, size * count)));
  return exchange.ended ? 0 : size * count;
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& exchange = *static_cast<Exchange*>(user);
  exchange.stopped = exchange.request->stop != nullptr && *exchange.request->stop;
  return exchange.stopped ? 1 : 0;
}

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

HeaderList header_list(const std::vector<std::string>& headers) {
  HeaderList list;
  for (const std::string& header : headers) {
    curl_slist* longer = curl_slist_append(list.get(), header.c_str());
    if (longer == nullptr) break;
    (void)list.release();
    list.reset(longer);
  }
  return list;
}

void set_options(CURL* handle, const HttpOptions& options) {
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(handle, CURLOPT_USERAGENT, options.user_agent.c_str());
  curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, kBuffer);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, options.connect_seconds);
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, options.stall_seconds);
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, options.stall_bytes_per_second);
  curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(handle, CURLOPT_NOPROXY, options.no_proxy.c_str());
  std::error_code ignored;
  if (options.ca_path.empty()) return;
  if (std::filesystem::is_directory(options.ca_path, ignored)) {
    curl_easy_setopt(handle, CURLOPT_CAINFO, nullptr);
    curl_easy_setopt(handle, CURLOPT_CAPATH, options.ca_path.c_str());
  } else {
    curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);
    curl_easy_setopt(handle, CURLOPT_CAINFO, options.ca_path.c_str());
  }
}

void set_exchange(CURL* handle, const HttpOptions& options, Exchange& exchange) {
  const HttpRequest& request = *exchange.request;
  const bool tls = request.url.starts_with("https:");
  curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
  // Empty: none, whatever the environment says.
  curl_easy_setopt(handle, CURLOPT_PROXY, (tls ? options.https_proxy : options.http_proxy).c_str());
  if (request.range) {
    const std::string range = fmt::format("{}-{}", request.range->begin, request.range->end - 1);
    curl_easy_setopt(handle, CURLOPT_RANGE, range.c_str());
  } else {
    curl_easy_setopt(handle, CURLOPT_RANGE, nullptr);
  }
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(handle, CURLOPT_XFERINFODATA, &exchange);
}

// What went wrong, in words without the URL: it may hold a CDN's signature.
std::string failure_text(CURLcode code, const char* detail) {
  if (code == CURLE_OPERATION_TIMEDOUT) return "no answer, or one too slow";
  const std::string text = detail[0] != '\0' ? detail : curl_easy_strerror(code);
  return printable(text, 200);
}

}  // namespace

CurlClient::CurlClient(HttpOptions options) : options_(std::move(options)) {}

Result<std::unique_ptr<CurlClient>> CurlClient::create(HttpOptions options) {
  static const CURLcode kStarted = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (kStarted != CURLE_OK) {
    return Error{
        ErrorCode::kFailed,
        fmt::format("libcurl: expected it to start, found {}", curl_easy_strerror(kStarted)),
        {}};
  }
  std::error_code ignored;
  if (!options.ca_path.empty() && !std::filesystem::exists(options.ca_path, ignored)) {
    return Error{
        ErrorCode::kUsage,
        fmt::format("{}: expected certificates, found no such file", printable(options.ca_path)),
        {}};
  }
  return std::unique_ptr<CurlClient>(new CurlClient(std::move(options)));
}

CurlClient::~CurlClient() {
  for (void* handle : idle_) curl_easy_cleanup(handle);
}

void* CurlClient::take_handle() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      void* handle = idle_.back();
      idle_.pop_back();
      return handle;
    }
  }
  CURL* handle = curl_easy_init();
  if (handle != nullptr) set_options(handle, options_);
  return handle;
}

void CurlClient::give_back(void* handle) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(handle);
}

HttpResult CurlClient::get(const HttpRequest& request, HttpSink sink) {
  HttpResult result;
  void* handle = take_handle();
  if (handle == nullptr) {
    result.failure = "no memory for a connection";
    return result;
  }
  Exchange exchange;
  exchange.request = &request;
  exchange.sink = &sink;
  const HeaderList headers = header_list(request.headers);
  char detail[CURL_ERROR_SIZE] = "";
  set_exchange(handle, options_, exchange);
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, detail);
  const CURLcode code = curl_easy_perform(handle);
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, nullptr);
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, nullptr);
  give_back(handle);
  result.whole = code == CURLE_OK;
  if (exchange.stopped) {
    result.failure = "stopped";
  } else if (!result.whole && !exchange.ended) {
    result.failure = failure_text(code, detail);
    result.untrusted = code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE;
  }
  if (exchange.head_given) result.head = std::move(exchange.head);
  return result;
}

}  // namespace bora
