// Filters over strings.
#include "text/jinja/builtins.h"
#include "text/jinja/filter_support.h"
#include "text/jinja/format.h"
#include "text/jinja/operators.h"
#include "text/jinja/repr.h"
#include "text/jinja/text_ops.h"
#include "text/jinja/unicode.h"
#include "text/jinja/wordwrap.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace bora::jinja {
namespace {

using Transform = std::string (*)(std::string_view);

template <Transform transform>
Value transformed(Runtime& rt, const Value& input, const Args& args) {
  const BoundArgs bound(rt, "filter", {}, 0, args);
  const Value text = soft_string(rt, input);
  if (!bound.ok() || rt.failed() || !rt.charge_bytes(4 * text.text().size())) return {};
  return rt.string(transform(text.text()), text.is_markup());
}

bool starts_word_after(char32_t c) {
  return is_space(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
}

// Unlike str.title, this only looks at what stands before a word: "it's" keeps its s.
std::string title_words(std::string_view text) {
  std::string out;
  size_t at = 0;
  while (at < text.size()) {
    size_t end = at;
    bool separator = false;
    while (end < text.size()) {
      size_t next = end;
      separator = starts_word_after(next_code_point(text, next));
      if (separator && end > at) break;
      end = next;
      if (separator) break;
    }
    size_t first = at;
    next_code_point(text, first);
    out += to_upper(text.substr(at, first - at));
    out += to_lower(text.substr(first, end - first));
    at = end;
  }
  return out;
}

Value center_filter(Runtime& rt, const Value& input, const Args& args) {
  BoundArgs bound(rt, "center", {"width"}, 0, args);
  const Value text = soft_string(rt, input);
  if (!bound.ok() || rt.failed()) return {};
  FormatSpec spec;
  spec.width = bound.integer(0, 80);
  return rt.string(centered(rt, text.text(), spec), text.is_markup());
}

Value format_filter(Runtime& rt, const Value& input, const Args& args) {
  const Value text = soft_string(rt, input);
  if (rt.failed()) return {};
  if (args.named.empty()) return percent_format(rt, text, rt.tuple(args.positional));
  if (!args.positional.empty()) {
    return rt.fail("can't handle positional and keyword arguments at the same time");
  }
  auto dict = std::make_shared<Dict>();
  for (const auto& [name, value] : args.named) dict->set(name, value);
  return percent_format(rt, text, rt.dict(std::move(dict)));
}

Value indent_filter(Runtime& rt, const Value& input, const Args& args) {
  BoundArgs bound(rt, "indent", {"width", "first", "blank"}, 0, args);
  if (!bound.ok()) return {};
  if (!input.is_string()) {
    return input.is_undefined()
               ? rt.fail_undefined(input)
               : rt.fail(fmt::format("indent expected a string, found '{}'", type_name(input)));
  }
  std::string indention;
  if (bound.has(0) && bound.at(0).is_string()) {
    indention = bound.at(0).text();
  } else {
    const int64_t width = bound.integer(0, 4);
    if (width > kMaxWidth) return rt.fail("indent: a width of more than kMaxWidth");
    indention.assign(static_cast<size_t>(std::max<int64_t>(width, 0)), ' ');
  }
  const bool blank = bound.truth(2, false);
  const std::string text = input.text() + "\n";
  const auto lines = split_lines(text, false);
  if (!rt.allow_string(text.size() + lines.size() * indention.size())) return {};
  std::string out = bound.truth(1, false) ? indention : "";
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) {
      out += '\n';
      if (blank || !lines[i].empty()) out += indention;
    }
    out += lines[i];
  }
  return rt.string(std::move(out), input.is_markup());
}

Value replace_filter(Runtime& rt, const Value& input, const Args& args) {
  BoundArgs bound(rt, "replace", {"old", "new", "count"}, 2, args);
  if (!bound.ok()) return {};
  const int64_t count = bound.given(2) ? bound.integer(2, -1) : -1;
  const std::string before = soft_text(rt, bound.at(0));
  const std::string after = soft_text(rt, bound.at(1));
  return rt.string(replace_text(rt, soft_text(rt, input), before, after, count));
}

Value string_filter(Runtime& rt, const Value& input, const Args& args) {
  const BoundArgs bound(rt, "string", {}, 0, args);
  return bound.ok() ? soft_string(rt, input) : Value();
}

Value trim_filter(Runtime& rt, const Value& input, const Args& args) {
  BoundArgs bound(rt, "trim", {"chars"}, 0, args);
  const Value text = soft_string(rt, input);
  if (!bound.ok() || rt.failed()) return {};
  const std::string chars = bound.given(0) ? bound.text(0, "") : "";
  if (!rt.charge_bytes(text.text().size() * (1 + chars.size()))) return {};
  const std::string_view kept = bound.given(0) ? strip_chars(text.text(), chars, StripSide::kBoth)
                                               : strip_space(text.text(), StripSide::kBoth);
  return rt.string(std::string(kept), text.is_markup());
}

Value truncate_filter(Runtime& rt, const Value& input, const Args& args) {
  constexpr int64_t kLength = 255;
  constexpr int64_t kLeeway = 5;
  BoundArgs bound(rt, "truncate", {"length", "killwords", "end", "leeway"}, 0, args);
  if (!bound.ok()) return {};
  if (!input.is_string()) {
    if (input.is_undefined()) return Value::string("");
    return rt.fail(fmt::format("truncate expected a string, found '{}'", type_name(input)));
  }
  const int64_t length = bound.integer(0, kLength);
  const std::string end = bound.text(2, "...");
  const int64_t leeway = bound.given(3) ? bound.integer(3, kLeeway) : kLeeway;
  const auto end_length = static_cast<int64_t>(count_code_points(end));
  if (rt.failed()) return {};
  if (length < end_length)
    return rt.fail(fmt::format("expected length >= {}, got {}", end_length, length));
  if (leeway < 0) return rt.fail(fmt::format("expected leeway >= 0, got {}", leeway));
  const std::string_view text = input.text();
  // Compared without adding, which could overflow.
  if (static_cast<int64_t>(input.as_string().length) - leeway <= length) return input;
  std::string_view kept = text.substr(0, offset_of(text, static_cast<size_t>(length - end_length)));
  if (!bound.truth(1, false)) {
    const size_t space = kept.rfind(' ');
    if (space != std::string_view::npos) kept = kept.substr(0, space);
  }
  return rt.string(std::string(kept) + end, input.is_markup());
}

std::string percent_encoded(std::string_view text, std::string_view safe) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool letter = (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z' && byte < 0x80;
    const bool digit = byte >= '0' && byte <= '9';
    if (letter || digit || std::string_view("_.-~").find(c) != std::string_view::npos ||
        safe.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", byte);
    }
  }
  return out;
}

// A part of a query string: spaces become "+".
std::string query_encoded(std::string_view text) {
  std::string out = percent_encoded(text, " ");
  std::replace(out.begin(), out.end(), ' ', '+');
  return out;
}

Value urlencode_filter(Runtime& rt, const Value& input, const Args& args) {
  const BoundArgs bound(rt, "urlencode", {}, 0, args);
  if (!bound.ok()) return {};
  if (input.is_string() || !is_iterable(input)) {
    return rt.string(percent_encoded(soft_text(rt, input), "/"));
  }
  std::string out;
  const Value items = input.is_dict() ? get_attribute(rt, input, "items") : input;
  const Value pairs = input.is_dict() ? call(rt, items, {}) : items;
  ValueIterator iterator(rt, pairs);
  for (Value item; iterator.next(item);) {
    const std::vector<Value> pair = items_of(rt, item);
    if (pair.size() != 2) return rt.fail("urlencode expected pairs");
    if (!out.empty()) out += '&';
    out += query_encoded(soft_text(rt, pair[0])) + "=" + query_encoded(soft_text(rt, pair[1]));
    if (out.size() > kMaxStringBytes) break;
  }
  return rt.string(std::move(out));
}

Value wordcount_filter(Runtime& rt, const Value& input, const Args& args) {
  const BoundArgs bound(rt, "wordcount", {}, 0, args);
  const std::string text = soft_text(rt, input);
  if (!bound.ok() || !rt.charge_bytes(text.size())) return {};
  int64_t count = 0;
  bool in_word = false;
  for (size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    const bool word = is_letter(c) || is_numeric(c) || c == '_';
    if (word && !in_word) ++count;
    in_word = word;
  }
  return Value::integer(count);
}

Value wordwrap_filter(Runtime& rt, const Value& input, const Args& args) {
  BoundArgs bound(rt, "wordwrap", {"width", "break_long_words", "wrapstring", "break_on_hyphens"},
                  0, args);
  if (!bound.ok()) return {};
  if (!input.is_string()) return rt.fail("wordwrap expected a string");
  WrapStyle style;
  const int64_t width = bound.integer(0, 79);
  style.break_long_words = bound.truth(1, true);
  style.break_on_hyphens = bound.truth(3, true);
  const std::string separator = bound.given(2) ? bound.text(2, "\n") : "\n";
  if (rt.failed()) return {};
  if (width <= 0) return rt.fail(fmt::format("invalid width {} (must be > 0)", width));
  style.width = static_cast<size_t>(width);
  if (!rt.charge(input.text().size())) return {};
  std::string out;
  bool first_line = true;
  for (const std::string_view line : split_lines(input.text(), false)) {
    if (!first_line) out += separator;
    first_line = false;
    bool first = true;
    for (const std::string& wrapped : wrap_line(line, style)) {
      if (!first) out += separator;
      first = false;
      out += wrapped;
    }
    if (out.size() > kMaxStringBytes) break;
  }
  return rt.string(std::move(out));
}

constexpr std::array kFilters = {
    NamedFunction{"capitalize", transformed<capitalized>},
    NamedFunction{"center", center_filter},
    NamedFunction{"format", format_filter},
    NamedFunction{"indent", indent_filter},
    NamedFunction{"lower", transformed<to_lower>},
    NamedFunction{"replace", replace_filter},
    NamedFunction{"string", string_filter},
    NamedFunction{"title", transformed<title_words>},
    NamedFunction{"trim", trim_filter},
    NamedFunction{"truncate", truncate_filter},
    NamedFunction{"upper", transformed<to_upper>},
    NamedFunction{"urlencode", urlencode_filter},
    NamedFunction{"wordcount", wordcount_filter},
    NamedFunction{"wordwrap", wordwrap_filter},
};

}  // namespace

std::span<const NamedFunction> text_filters() { return kFilters; }

}  // namespace bora::jinja
