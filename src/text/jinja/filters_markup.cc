// Filters around HTML, and the other ways of writing a value: tojson, pprint.
#include "text/jinja/builtins.h"
#include "text/jinja/filter_support.h"
#include "text/jinja/json.h"
#include "text/jinja/markup.h"
#include "text/jinja/operators.h"
#include "text/jinja/repr.h"
#include "text/jinja/sorting.h"

#include <fmt/format.h>

#include <array>

namespace bora::jinja {
namespace {

Value escaped(Runtime& rt, const Value& value) {
  if (value.is_markup()) return value;
  const std::string text = to_text(rt, value);
  return rt.charge_bytes(6 * text.size()) ? rt.string(escape_html(text), true) : Value();
}

Value escape_filter(Runtime& rt, const Value& input, const Args& args) {
  const BoundArgs bound(rt, "escape", {}, 0, args);
  return bound.ok() ? escaped(rt, input) : Value();
}

Value forceescape_filter(Runtime& rt, const Value& input, const Args& args) {
  const BoundArgs bound(rt, "forceescape", {}, 0, args);
  if (!bound.ok()) return {};
  return escaped(rt, Value::string(to_text(rt, input)));
}

Value safe_filter(Runtime& rt, const Value& input, const Args& args) {
  const BoundArgs bound(rt, "safe", {}, 0, args);
  return bound.ok() ? rt.string(to_text(rt, input), true) : Value();
}

Value striptags_filter(Runtime& rt, const Value& input, const Args& args) {
  const BoundArgs bound(rt, "striptags", {}, 0, args);
  const std::string text = to_text(rt, input);
  if (!bound.ok() || !rt.charge_bytes(text.size())) return {};
  return rt.string(strip_tags(text));
}

Value xmlattr_filter(Runtime& rt, const Value& input, const Args& args) {
  BoundArgs bound(rt, "xmlattr", {"autospace"}, 0, args);
  if (!bound.ok()) return {};
  if (!input.is_dict()) {
    return rt.fail(fmt::format("xmlattr expected a mapping, found '{}'", type_name(input)));
  }
  std::string out;
  for (const auto& [key, value] : input.as_dict().entries()) {
    if (value.is_none() || value.is_undefined()) continue;
    const std::string name = to_text(rt, key);
    if (name.find_first_of(" \t\n\r\f\v/>=") != std::string::npos) {
      return rt.fail(fmt::format("Invalid character in attribute name: {}", quoted(name)));
    }
    const Value text = escaped(rt, value);
    if (rt.failed()) return {};
    if (!out.empty()) out += ' ';
    out += escape_html(name) + "=\"" + text.text() + "\"";
    if (out.size() > kMaxStringBytes) break;
  }
  if (bound.truth(0, true) && !out.empty()) out.insert(0, 1, ' ');
  return rt.string(std::move(out));
}

bool read_indent(Runtime& rt, const Value& indent, JsonStyle& style) {
  style.item_separator = ",";
  if (indent.is_string()) {
    style.indent = indent.text();
  } else if (indent.is_integral() && indent.as_int() <= kMaxWidth) {
    style.indent = std::string(static_cast<size_t>(std::max<int64_t>(indent.as_int(), 0)), ' ');
  } else {
    rt.fail("tojson expected an indent of spaces or text, found something else");
    return false;
  }
  return true;
}

// transformers' own: json.dumps(value, ensure_ascii=False, ...), nothing escaped for HTML.
Value tojson_filter(Runtime& rt, const Value& input, const Args& args) {
  BoundArgs bound(rt, "tojson", {"ensure_ascii", "indent", "separators", "sort_keys"}, 0, args);
  if (!bound.ok()) return {};
  JsonStyle style;
  style.ensure_ascii = bound.truth(0, false);
  style.sort_keys = bound.truth(3, false);
  if (bound.given(1) && !read_indent(rt, bound.at(1), style)) return {};
  if (bound.given(2)) {
    const std::vector<Value> separators = items_of(rt, bound.at(2));
    if (separators.size() != 2 || !separators[0].is_string() || !separators[1].is_string()) {
      return rt.fail("tojson expected two strings as separators");
    }
    style.item_separator = separators[0].text();
    style.key_separator = separators[1].text();
  }
  return rt.string(dump_json(rt, input, style));
}

// The value with the keys of its dicts sorted, as pprint shows them.
Value with_sorted_keys(Runtime& rt, const Value& value) {
  const Runtime::Descent descent(rt);
  if (!descent.ok() || !rt.charge()) return {};
  if (value.is_sequence()) {
    std::vector<Value> items;
    for (const Value& item : value.items()) items.push_back(with_sorted_keys(rt, item));
    return value.kind() == Kind::kTuple ? rt.tuple(std::move(items)) : rt.list(std::move(items));
  }
  if (!value.is_dict()) return value;
  std::vector<Dict::Entry> entries = value.as_dict().entries();
  stable_sort(rt, entries, [&](const Dict::Entry& a, const Dict::Entry& b) {
    return KeyLess()(a.first, b.first);
  });
  auto dict = std::make_shared<Dict>();
  for (const auto& [key, item] : entries) dict->set(key, with_sorted_keys(rt, item));
  return rt.dict(std::move(dict));
}

Value pprint_filter(Runtime& rt, const Value& input, const Args& args) {
  constexpr size_t kLineWidth = 80;
  const BoundArgs bound(rt, "pprint", {}, 0, args);
  if (!bound.ok()) return {};
  std::string text = repr(rt, with_sorted_keys(rt, input));
  const bool composite = input.is_sequence() || input.is_dict() || input.is_string();
  if (composite && text.size() > kLineWidth) {
    return rt.fail("pprint expected a value that fits on one line, found a longer one");
  }
  return rt.string(std::move(text));
}

constexpr std::array kFilters = {
    NamedFunction{"e", escape_filter},
    NamedFunction{"escape", escape_filter},
    NamedFunction{"forceescape", forceescape_filter},
    NamedFunction{"pprint", pprint_filter},
    NamedFunction{"safe", safe_filter},
    NamedFunction{"striptags", striptags_filter},
    NamedFunction{"tojson", tojson_filter},
    NamedFunction{"xmlattr", xmlattr_filter},
};

}  // namespace

std::span<const NamedFunction> markup_filters() { return kFilters; }

}  // namespace bora::jinja
