// The escapes of string literals in templates, which are Python's "unicode-escape".
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bora::jinja {

// The text of a literal without its quotes; nothing where an escape is malformed. Half a surrogate
// pair, which UTF-8 cannot hold, becomes U+FFFD.
std::optional<std::string> unescape_literal(std::string_view literal);

}  // namespace bora::jinja
