// Python's two ways of formatting: `"..." % args` and `"...".format(args)`.
#pragma once

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

#include <string>
#include <string_view>

namespace bora::jinja {

// How one value is laid out: a format specification, or the flags of a % conversion.
struct FormatSpec {
  std::string fill = " ";  // one character
  char align = 0;          // < > ^ = or 0: the type's own
  char sign = '-';         // + - or space
  bool alternate = false;
  bool no_negative_zero = false;
  bool zero_padded = false;
  int64_t width = 0;
  char grouping = 0;  // , _ or 0
  int64_t precision = -1;
  char type = 0;
};

// `format % args`. Precondition: format.is_string().
Value percent_format(Runtime& rt, const Value& format, const Value& args);
// `format.format(*args)`. Precondition: format.is_string().
Value brace_format(Runtime& rt, const Value& format, const Args& args);

// `text` filled up to spec.width characters; `default_align` where the spec has none.
std::string padded(Runtime& rt, std::string text, const FormatSpec& spec, char default_align);
// A number as spec.type (d b o x X c, e f g % in both cases, or 0: as str) shows it.
std::string format_number(Runtime& rt, const Value& number, const FormatSpec& spec);

}  // namespace bora::jinja
