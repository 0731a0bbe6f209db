// CurlClient: HttpClient over libcurl. Connections are kept and used again, HTTP/2 where a server
// offers it over TLS. http:// and https:// only; certificates are checked. Takes proxies and
// certificates from its options and nothing from the environment. Any thread may call get().
#pragma once

#include "base/result.h"
#include "hub/http.h"

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace bora {

struct HttpOptions {
  std::string http_proxy;   // for http:// URLs; empty: none
  std::string https_proxy;  // for https:// URLs
  std::string no_proxy;     // hosts without one, "localhost,.example.org"
  std::string ca_path;      // certificates to trust, PEM, or a folder of them; empty: the system's
  std::string user_agent = "bora";
  long connect_seconds = 10;
  // Slower than this for that long, a transfer is cut.
  long stall_seconds = 10;
  long stall_bytes_per_second = 1000;
};

class CurlClient : public HttpClient {
 public:
  // Errors: kFailed where libcurl does not start, kUsage for a ca_path that is not there.
  static Result<std::unique_ptr<CurlClient>> create(HttpOptions options);
  ~CurlClient() override;
  CurlClient(const CurlClient&) = delete;
  CurlClient& operator=(const CurlClient&) = delete;

  HttpResult get(const HttpRequest& request, HttpSink sink) override;

 private:
  explicit CurlClient(HttpOptions options);
  void* take_handle();
  void give_back(void* handle);

  const HttpOptions options_;
  std::mutex mutex_;         // guards idle_
  std::vector<void*> idle_;  // CURL handles, each with its open connections
};

}  // namespace bora
