// JSON to Values and back: messages come in as JSON, `tojson` writes what Python's json.dumps
// writes.
#pragma once

#include "base/result.h"
#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

#include <optional>
#include <string>
#include <string_view>

namespace bora::jinja {

// Fails on malformed JSON, integers beyond 64 bits, and nesting beyond kMaxJsonDepth.
Result<Value> parse_json(std::string_view text);

struct JsonStyle {
  bool ensure_ascii = false;
  std::optional<std::string> indent;  // of one level; nothing: all on one line
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool sort_keys = false;
};

// Fails through the Runtime on values that JSON does not have.
std::string dump_json(Runtime& rt, const Value& value, const JsonStyle& style);

}  // namespace bora::jinja
