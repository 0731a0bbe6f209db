// The parser: template source to syntax tree, with the tags that transformers enables (jinja2's
// own, break and continue, generation) and without those that need other templates.
#pragma once

#include "base/result.h"
#include "text/jinja/ast.h"

#include <string_view>

namespace bora::jinja {

// Fails with kBadModel and "chat template: line N: ...". `source` must be valid UTF-8.
Result<Template> parse_template(std::string_view source);

}  // namespace bora::jinja
