#include "text/jinja/json.h"

#include "text/jinja/operators.h"
#include "text/jinja/repr.h"
#include "text/jinja/sorting.h"
#include "text/jinja/unicode.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cmath>

namespace bora::jinja {
namespace {

Error bad_json(std::string_view what) {
  return Error{ErrorCode::kUsage, fmt::format("JSON: {}", what), {}};
}

Result<Value> convert(const simdjson::dom::element& element, int depth);

Result<Value> convert_array(const simdjson::dom::array& array, int depth) {
  std::vector<Value> items;
  for (const simdjson::dom::element item : array) {
    auto value = convert(item, depth + 1);
    if (!value) return value;
    items.push_back(std::move(*value));
  }
  return Value::list(std::move(items));
}

Result<Value> convert_object(const simdjson::dom::object& object, int depth) {
  auto dict = std::make_shared<Dict>();
  for (const auto& [key, item] : object) {
    auto value = convert(item, depth + 1);
    if (!value) return value;
    dict->set(key, std::move(*value));
  }
  return Value::dict(std::move(dict));
}

Result<Value> convert(const simdjson::dom::element& element, int depth) {
  if (depth > kMaxJsonDepth) {
    return bad_json(fmt::format("expected at most {} levels, found more", kMaxJsonDepth));
  }
  using simdjson::dom::element_type;
  switch (element.type()) {
    case element_type::ARRAY:
      return convert_array(element.get_array().value_unsafe(), depth);
    case element_type::OBJECT:
      return convert_object(element.get_object().value_unsafe(), depth);
    case element_type::INT64:
      return Value::integer(element.get_int64().value_unsafe());
    case element_type::UINT64:
      return bad_json("expected integers of 64 bits, found a larger one");
    case element_type::DOUBLE:
      return Value::real(element.get_double().value_unsafe());
    case element_type::STRING:
      return Value::string(std::string(element.get_string().value_unsafe()));
    case element_type::BOOL:
      return Value::boolean(element.get_bool().value_unsafe());
    case element_type::NULL_VALUE:
      return Value::none();
  }
  return bad_json("found an element of unknown type");
}

class JsonWriter {
 public:
  JsonWriter(Runtime& rt, const JsonStyle& style) : rt_(rt), style_(style) {}

  bool write(const Value& value) {
    const Runtime::Descent descent(rt_);
    if (!descent.ok() || !rt_.charge()) return false;
    if (out_.size() > kMaxStringBytes) return rt_.allow_string(out_.size());
    switch (value.kind()) {
      case Kind::kNone:
        out_ += "null";
        return true;
      case Kind::kBool:
        out_ += value.as_bool() ? "true" : "false";
        return true;
      case Kind::kInt:
        out_ += std::to_string(value.as_int());
        return true;
      case Kind::kFloat:
        out_ += number(value.as_double());
        return true;
      case Kind::kString:
        return write_string(value.text());
      case Kind::kList:
      case Kind::kTuple:
        return write_list(value.items());
      case Kind::kDict:
        return write_dict(value.as_dict());
      case Kind::kUndefined:
      case Kind::kDictView:
      case Kind::kRange:
      case Kind::kIterator:
      case Kind::kObject:
        break;
    }
    rt_.fail(fmt::format("Object of type {} is not JSON serializable", type_name(value)));
    return false;
  }

  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  static std::string number(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
    return float_repr(value);
  }

  void write_escape(char32_t c) {
    const auto code = static_cast<uint32_t>(c);
    if (code < 0x10000) {
      fmt::format_to(std::back_inserter(out_), "\\u{:04x}", code);
      return;
    }
    const uint32_t pair = code - 0x10000;
    fmt::format_to(std::back_inserter(out_), "\\u{:04x}\\u{:04x}", 0xD800 + (pair >> 10),
                   0xDC00 + (pair & 0x3FF));
  }

  bool write_string(std::string_view text) {
    if (!rt_.charge_bytes(text.size())) return false;
    out_ += '"';
    for (size_t at = 0; at < text.size();) {
      const size_t begin = at;
      const char32_t c = next_code_point(text, at);
      switch (c) {
        case '"':
          out_ += "\\\"";
          break;
        case '\\':
          out_ += "\\\\";
          break;
        case '\n':
          out_ += "\\n";
          break;
        case '\r':
          out_ += "\\r";
          break;
        case '\t':
          out_ += "\\t";
          break;
        case '\f':
          out_ += "\\f";
          break;
        case '\b':
          out_ += "\\b";
          break;
        default:
          if (c < 0x20 || (style_.ensure_ascii && c > 0x7E)) {
            write_escape(c);
          } else {
            out_ += text.substr(begin, at - begin);
          }
      }
    }
    out_ += '"';
    return true;
  }

  void new_line() {
    if (!style_.indent) return;
    out_ += '\n';
    for (int i = 0; i < level_ && rt_.charge_bytes(style_.indent->size()); ++i) {
      out_ += *style_.indent;
    }
  }

  bool write_list(const std::vector<Value>& items) {
    if (items.empty()) {
      out_ += "[]";
      return true;
    }
    out_ += '[';
    ++level_;
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_ += style_.item_separator;
      new_line();
      if (!write(items[i])) return false;
    }
    --level_;
    new_line();
    out_ += ']';
    return true;
  }

  bool write_dict(const Dict& dict) {
    if (dict.size() == 0) {
      out_ += "{}";
      return true;
    }
    std::vector<Dict::Entry> entries = dict.entries();
    if (style_.sort_keys) {
      stable_sort(rt_, entries, [&](const Dict::Entry& a, const Dict::Entry& b) {
        return compare(rt_, CompareOp::kLt, a.first, b.first);
      });
    }
    out_ += '{';
    ++level_;
    bool first = true;
    for (const auto& [key, value] : entries) {
      if (!first) out_ += style_.item_separator;
      first = false;
      new_line();
      if (!write_key(key)) return false;
      out_ += style_.key_separator;
      if (!write(value)) return false;
    }
    --level_;
    new_line();
    out_ += '}';
    return true;
  }

  bool write_key(const Value& key) {
    if (key.is_string()) return write_string(key.text());
    if (key.is_number() || key.is_none()) {
      out_ += '"';
      const bool done = write(key);
      out_ += '"';
      return done;
    }
    rt_.fail(fmt::format("keys must be str, int, float, bool or None, not {}", type_name(key)));
    return false;
  }

  Runtime& rt_;
  const JsonStyle& style_;
  std::string out_;
  int level_ = 0;
};

}  // namespace

Result<Value> parse_json(std::string_view text) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  const auto error = parser.parse(text.data(), text.size()).get(root);
  if (error != simdjson::SUCCESS) return bad_json(simdjson::error_message(error));
  return convert(root, 1);
}

std::string dump_json(Runtime& rt, const Value& value, const JsonStyle& style) {
  JsonWriter writer(rt, style);
  writer.write(value);
  return writer.take();
}

}  // namespace bora::jinja
