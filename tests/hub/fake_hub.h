// FakeHub: a Hub and its CDN in memory, for tests of what speaks to one. Serves repository "o/m" at
// https://hub.test; large files ("lfs") by a redirect to https://cdn.test. Notes every request;
// faults are set by hand.
#pragma once

#include "hub/digest.h"
#include "hub/http.h"

#include <fmt/format.h>

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace bora::testing {

inline std::string hash_of(std::string_view content, std::size_t digits) {
  BlobDigest digest(std::string(digits, '0'), content.size());
  digest.add(std::as_bytes(std::span(content.data(), content.size())));
  return digest.finish();
}

class FakeHub : public HttpClient {
 public:
  struct Served {
    std::string content;
    bool large = false;
    [[nodiscard]] std::string etag() const { return hash_of(content, large ? 64 : 40); }
  };
  struct Answer {
    int status = 200;
    std::map<std::string, std::string, std::less<>> headers;
    std::string body;
    std::size_t cut_after = std::string::npos;  // bytes of the body, then the connection breaks
  };
  struct Seen {
    std::string url;
    bool with_token = false;
    std::optional<ByteRange> range;
  };

  static constexpr const char* kEndpoint = "https://hub.test";

  std::string commit = std::string(39, 'a') + "1";
  std::map<std::string, Served> files;
  // Looks at an answer before it goes; `count`: of the requests for that URL so far, from 1.
  std::function<void(const HttpRequest& request, int count, Answer& answer)> fault;

  HttpResult get(const HttpRequest& request, HttpSink sink) override {
    Answer answer = answer_to(request);
    HttpResult result;
    result.head.status = answer.status;
    result.head.headers = answer.headers;
    if (answer.status == 0) {
      result.failure = "connection refused";
      return result;
    }
    if (!sink.on_head(result.head)) return result;
    const bool cut = answer.cut_after < answer.body.size();
    const std::string body = answer.body.substr(0, answer.cut_after);
    constexpr std::size_t kPiece = 1000;
    for (std::size_t at = 0; at < body.size(); at += kPiece) {
      const std::string_view piece = std::string_view(body).substr(at, kPiece);
      if (!sink.on_body(std::as_bytes(std::span(piece.data(), piece.size())))) return result;
    }
    result.whole = !cut;
    if (cut) result.failure = "connection reset";
    return result;
  }

  [[nodiscard]] std::vector<Seen> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }
  // Requests whose URL holds that text.
  [[nodiscard]] std::size_t count(std::string_view text) const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::count_if(seen_.begin(), seen_.end(), [&](const Seen& one) {
      return one.url.find(text) != std::string::npos;
    }));
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    seen_.clear();
  }

 private:
  Answer answer_to(const HttpRequest& request) {
    const std::lock_guard lock(mutex_);
    Seen seen{.url = request.url, .with_token = false, .range = request.range};
    for (const std::string& header : request.headers) {
      seen.with_token = seen.with_token || header.starts_with("Authorization: Bearer ");
    }
    seen_.push_back(seen);
    Answer answer = serve(request);
    if (fault) fault(request, ++counts_[request.url], answer);
    return answer;
  }

  Answer serve(const HttpRequest& request) const {
    const std::string api = fmt::format("{}/api/models/o/m", kEndpoint);
    if (request.url == api + "/revision/main") return {200, {}, "{\"sha\":\"" + commit + "\"}"};
    if (request.url.starts_with(api + "/tree/" + commit)) return {200, {}, listing()};
    const std::string resolve = fmt::format("{}/o/m/resolve/{}/", kEndpoint, commit);
    const std::string cdn = "https://cdn.test/";
    if (request.url.starts_with(resolve)) {
      const auto file = files.find(request.url.substr(resolve.size()));
      if (file == files.end()) return {404, {{"x-error-code", "EntryNotFound"}}, ""};
      if (!file->second.large) return content(file->second, request, true);
      return {302,
              {{"location", cdn + file->first + "?signature=abc"},
               {"x-linked-etag", "\"" + file->second.etag() + "\""},
               {"x-repo-commit", commit}},
              ""};
    }
    if (request.url.starts_with(cdn)) {
      const std::string name = request.url.substr(cdn.size());
      return content(files.at(name.substr(0, name.find('?'))), request, false);
    }
    return {404, {{"x-error-code", "RepoNotFound"}}, ""};
  }

  static Answer content(const Served& file, const HttpRequest& request, bool with_etag) {
    Answer answer{200, {}, file.content};
    if (request.range) {
      answer.status = 206;
      answer.body =
          file.content.substr(request.range->begin, request.range->end - request.range->begin);
      answer.headers["content-range"] = fmt::format("bytes {}-{}/{}", request.range->begin,
                                                    request.range->end - 1, file.content.size());
    }
    answer.headers["content-length"] = std::to_string(answer.body.size());
    if (with_etag) answer.headers["etag"] = "\"" + file.etag() + "\"";
    return answer;
  }

  [[nodiscard]] std::string listing() const {
    std::string text = "[";
    for (const auto& [name, file] : files) {
      if (text.size() > 1) text += ",";
      text += fmt::format(R"({{"type":"file","path":"{}","size":{},"oid":"{}")", name,
                          file.content.size(), hash_of(file.content, 40));
      if (file.large) {
        text += fmt::format(R"(,"lfs":{{"oid":"{}","size":{}}})", file.etag(), file.content.size());
      }
      text += "}";
    }
    return text + "]";
  }

  mutable std::mutex mutex_;  // guards what follows
  std::vector<Seen> seen_;
  std::map<std::string, int> counts_;
};

// `bytes` that do not repeat soon.
inline std::string noise(std::size_t bytes, unsigned seed) {
  std::string text;
  std::uint32_t state = seed * 2654435761U + 1;
  while (text.size() < bytes) {
    state = state * 1664525U + 1013904223U;
    text += static_cast<char>(state >> 24U);
  }
  return text;
}

}  // namespace bora::testing
