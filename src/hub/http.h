// HttpClient: one HTTP exchange, a GET with its answer as it comes. Follows no redirect, retries
// nothing and knows no token: that is hub/session.h. CurlClient (hub/curl_client.h) is the real
// one; tests have their own. Any thread may call get(), several at a time.
#pragma once

#include "base/function_ref.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bora {

// Bytes [begin, end) of a file.
struct ByteRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

struct HttpRequest {
  std::string url;
  std::vector<std::string> headers;         // "Name: value"
  std::optional<ByteRange> range;           // nullopt: all of it
  const std::atomic<bool>* stop = nullptr;  // set elsewhere: end at once
};

// The status line and the headers, names in lower case.
struct HttpHead {
  int status = 0;
  std::map<std::string, std::string, std::less<>> headers;

  // The value; empty where there is none of that name.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

// What is done with an answer. False ends the exchange.
struct HttpSink {
  FunctionRef<bool(const HttpHead& head)> on_head;  // once, before the body
  FunctionRef<bool(std::span<const std::byte> bytes)> on_body;
};

struct HttpResult {
  HttpHead head;           // status 0: none came
  bool whole = false;      // all of the body came
  std::string failure;     // why not, "connection refused"; empty where a sink ended it
  bool untrusted = false;  // the failure: certificates, which are no others the next time
};

class HttpClient {
 public:
  HttpClient() = default;
  virtual ~HttpClient() = default;
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  virtual HttpResult get(const HttpRequest& request, HttpSink sink) = 0;
};

}  // namespace bora
