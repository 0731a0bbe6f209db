// Values as text: Python's str() and repr().
#pragma once

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

#include <string>
#include <string_view>

namespace bora::jinja {

// str(): what `{{ value }}` prints. Undefined is empty.
std::string to_text(Runtime& rt, const Value& value);
// repr(): strings in quotes.
std::string repr(Runtime& rt, const Value& value);
// repr() of a string.
std::string quoted(std::string_view text);
// repr() of a float: the shortest digits that read back as the same value.
std::string float_repr(double value);

}  // namespace bora::jinja
