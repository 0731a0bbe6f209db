#include "hub/url.h"

#include "base/printable.h"

#include <fmt/format.h>

#include <curl/curl.h>
#include <memory>

namespace bora {
namespace {

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Url = std::unique_ptr<CURLU, FreeUrl>;

// Null where it is no URL.
Url parsed(const std::string& text) {
  Url url(curl_url());
  if (url && curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) url.reset();
  return url;
}

// Empty where it has no such part.
std::string part(const Url& url, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url.get(), which, &text, flags) != CURLUE_OK) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

bool is_http(const Url& url) {
  const std::string scheme = part(url, CURLUPART_SCHEME);
  return scheme == "http" || scheme == "https";
}

std::string encode(std::string_view text, std::string_view kept) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       kept.find(c) != std::string_view::npos;
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace

std::optional<std::string> url_origin(const std::string& url) {
  const Url parts = parsed(url);
  if (!parts || !is_http(parts)) return std::nullopt;
  std::string host = part(parts, CURLUPART_HOST);
  for (char& c : host) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return fmt::format("{}://{}:{}", part(parts, CURLUPART_SCHEME), host,
                     part(parts, CURLUPART_PORT, CURLU_DEFAULT_PORT));
}

std::optional<std::string> redirect_target(const std::string& url, const std::string& location) {
  const Url parts = parsed(url);
  if (!parts || location.empty()) return std::nullopt;
  // Setting a relative URL resolves it against the one that is there.
  if (curl_url_set(parts.get(), CURLUPART_URL, location.c_str(), 0) != CURLUE_OK ||
      !is_http(parts)) {
    return std::nullopt;
  }
  return part(parts, CURLUPART_URL);
}

std::string shown_url(const std::string& url) {
  const Url parts = parsed(url);
  if (!parts) return "an URL";
  const std::string port = part(parts, CURLUPART_PORT);
  return printable(
      fmt::format("{}://{}{}{}", part(parts, CURLUPART_SCHEME), part(parts, CURLUPART_HOST),
                  port.empty() ? "" : ":" + port, part(parts, CURLUPART_PATH)),
      300);
}

std::string encode_path(std::string_view path) { return encode(path, "-_.~/"); }

std::string encode_part(std::string_view text) { return encode(text, "-_.~"); }

}  // namespace bora
