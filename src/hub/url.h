// URLs, as far as downloads need them: whose they are, where a redirect leads, what may be shown.
// libcurl does the parsing.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bora {

// "https://huggingface.co:443" of any http or https URL, the default port written out; nullopt
// where `url` is no such URL.
std::optional<std::string> url_origin(const std::string& url);

// Where a Location header of the answer from `url` leads; nullopt where that is no http or https
// URL.
std::optional<std::string> redirect_target(const std::string& url, const std::string& location);

// Scheme, host, port and path: what may stand in an error. A query may hold a CDN's signature, and
// the part before an "@" a password.
std::string shown_url(const std::string& url);

// `path` with all but letters, digits and "-_.~/" percent-encoded.
std::string encode_path(std::string_view path);
// The same with the slashes encoded too: a value, or a revision, which is one part of the Hub's
// paths.
std::string encode_part(std::string_view part);

}  // namespace bora
