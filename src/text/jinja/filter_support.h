// What several filters need: jinja2's attribute paths, sort keys, and softened strings.
#pragma once

#include "text/jinja/runtime.h"

#include <optional>
#include <string>
#include <vector>

namespace bora::jinja {

// The text of a string, or str() of anything else.
std::string soft_text(Runtime& rt, const Value& value);
// A string as it is, or str() of anything else.
Value soft_string(Runtime& rt, const Value& value);

// An attribute as filters take it: "author.name", "tags.0", 3; none: the item itself.
class AttributePath {
 public:
  AttributePath(Runtime& rt, const Value& attribute);
  // `fallback`, where there is one, replaces what is undefined on the way.
  [[nodiscard]] Value get(Runtime& rt, const Value& item, const Value* fallback = nullptr) const;

 private:
  std::vector<Value> parts_;
};

// Strings in lower case unless `case_sensitive`; everything else as it is.
Value comparison_key(Runtime& rt, const Value& value, bool case_sensitive);

bool less_than(Runtime& rt, const Value& a, const Value& b);

// float() and int() of a string as Python reads it; nothing where it cannot.
std::optional<double> read_float(std::string_view text);

}  // namespace bora::jinja
