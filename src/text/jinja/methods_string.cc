// The methods of str.
#include "text/jinja/format.h"
#include "text/jinja/markup.h"
#include "text/jinja/methods.h"
#include "text/jinja/operators.h"
#include "text/jinja/repr.h"
#include "text/jinja/text_ops.h"
#include "text/jinja/unicode.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

namespace bora::jinja {
namespace {

// A result of a method of `self`: Markup stays Markup.
Value like(Runtime& rt, const Value& self, std::string text) {
  return rt.string(std::move(text), self.is_markup());
}

std::vector<Value> like(const Value& self, const std::vector<std::string_view>& parts) {
  std::vector<Value> out;
  out.reserve(parts.size());
  for (const std::string_view part : parts) {
    out.push_back(Value::string(std::string(part), self.is_markup()));
  }
  return out;
}

using Transform = std::string (*)(std::string_view);

template <Transform transform>
Value transformed(Runtime& rt, const Value& self, const Args& args) {
  const BoundArgs bound(rt, "str method", {}, 0, args);
  if (!bound.ok() || !rt.charge_bytes(4 * self.text().size())) return {};
  return like(rt, self, transform(self.text()));
}

template <StripSide side>
Value strip_method(Runtime& rt, const Value& self, const Args& args) {
  BoundArgs bound(rt, "strip", {""}, 0, args);
  if (!bound.ok()) return {};
  const std::string chars = bound.given(0) ? bound.text(0, "") : "";
  if (!rt.charge_bytes(self.text().size() * (1 + chars.size()))) return {};
  const std::string_view kept =
      bound.given(0) ? strip_chars(self.text(), chars, side) : strip_space(self.text(), side);
  return like(rt, self, std::string(kept));
}

template <bool from_right>
Value split_method(Runtime& rt, const Value& self, const Args& args) {
  BoundArgs bound(rt, from_right ? "rsplit" : "split", {"sep", "maxsplit"}, 0, args);
  if (!bound.ok() || !rt.charge_bytes(self.text().size())) return {};
  const int64_t limit = bound.integer(1, -1);
  const size_t splits = limit < 0 ? std::string::npos : static_cast<size_t>(limit);
  std::vector<std::string_view> parts;
  if (!bound.given(0)) {
    parts = from_right ? rsplit_space(self.text(), splits) : split_space(self.text(), splits);
  } else {
    const std::string separator = bound.text(0, "");
    if (rt.failed()) return {};
    if (separator.empty()) return rt.fail("empty separator");
    parts = from_right ? rsplit_text(self.text(), separator, splits)
                       : split_text(self.text(), separator, splits);
  }
  if (rt.failed() || !rt.allow_items(parts.size())) return {};
  return rt.list(like(self, parts));
}

Value splitlines_method(Runtime& rt, const Value& self, const Args& args) {
  BoundArgs bound(rt, "splitlines", {"keepends"}, 0, args);
  if (!bound.ok() || !rt.charge_bytes(self.text().size())) return {};
  const auto lines = split_lines(self.text(), bound.truth(0, false));
  return rt.allow_items(lines.size()) ? rt.list(like(self, lines)) : Value();
}

Value join_method(Runtime& rt, const Value& self, const Args& args) {
  BoundArgs bound(rt, "join", {""}, 1, args);
  if (!bound.ok()) return {};
  std::string out;
  size_t count = 0;
  ValueIterator iterator(rt, bound.at(0));
  for (Value item; iterator.next(item); ++count) {
    if (!item.is_string()) {
      if (self.is_markup()) {
        item = Value::string(to_text(rt, item));
      } else {
        return rt.fail(fmt::format("sequence item {}: expected str instance, {} found", count,
                                   type_name(item)));
      }
    }
    if (count > 0) out += self.text();
    out += self.is_markup() ? markup_text(item) : item.text();
    if (out.size() > kMaxStringBytes) break;
  }
  return like(rt, self, std::move(out));
}

Value replace_method(Runtime& rt, const Value& self, const Args& args) {
  BoundArgs bound(rt, "replace", {"", "", ""}, 2, args);
  if (!bound.ok()) return {};
  const std::string before = bound.text(0, "");
  const std::string after =
      self.is_markup() && bound.at(1).is_string() ? markup_text(bound.at(1)) : bound.text(1, "");
  return like(rt, self, replace_text(rt, self.text(), before, after, bound.integer(2, -1)));
}

// The part of the string between the code point indices that a search method takes; nothing where
// the start lies behind the end of the string.
struct Section {
  std::string_view text;
  size_t first = 0;  // code points before it
};

std::optional<Section> section(Runtime& rt, const Value& self, BoundArgs& bound) {
  const auto length = static_cast<int64_t>(self.as_string().length);
  const auto resolve = [&](size_t i, int64_t open) {
    if (!bound.given(i)) return open;
    const int64_t index = bound.integer(i, open);
    return index < 0 ? std::max<int64_t>(index + length, 0) : index;
  };
  const int64_t start = resolve(1, 0);
  const int64_t stop = std::min(resolve(2, length), length);
  if (rt.failed() || start > length || start > stop) return std::nullopt;
  const std::string_view text = self.text();
  rt.charge_bytes(text.size());
  const size_t begin = offset_of(text, static_cast<size_t>(start));
  const std::string_view rest = text.substr(begin);
  return Section{rest.substr(0, offset_of(rest, static_cast<size_t>(stop - start))),
                 static_cast<size_t>(start)};
}

template <bool from_right, bool must_exist>
Value find_in(Runtime& rt, const Value& self, const Args& args) {
  BoundArgs bound(rt, "find", {"", "", ""}, 1, args);
  if (!bound.ok()) return {};
  const std::string needle = bound.text(0, "");
  const auto part = section(rt, self, bound);
  if (rt.failed()) return {};
  if (part) {
    const size_t found =
        from_right ? rfind_text(part->text, needle) : find_text(part->text, needle);
    if (found != std::string_view::npos) {
      return Value::integer(
          static_cast<int64_t>(part->first + count_code_points(part->text.substr(0, found))));
    }
  }
  return must_exist ? rt.fail("substring not found") : Value::integer(-1);
}

Value count_method(Runtime& rt, const Value& self, const Args& args) {
  BoundArgs bound(rt, "count", {"", "", ""}, 1, args);
  if (!bound.ok()) return {};
  const std::string needle = bound.text(0, "");
  const auto part = section(rt, self, bound);
  if (rt.failed() || !part) return Value::integer(0);
  if (needle.empty())
    return Value::integer(static_cast<int64_t>(count_code_points(part->text)) + 1);
  int64_t count = 0;
  for (size_t at = find_text(part->text, needle); at != std::string_view::npos;
       at = find_text(part->text, needle, at + needle.size())) {
    ++count;
  }
  return Value::integer(count);
}

template <bool at_start>
Value has_affix(Runtime& rt, const Value& self, const Args& args) {
  BoundArgs bound(rt, at_start ? "startswith" : "endswith", {"", "", ""}, 1, args);
  if (!bound.ok()) return {};
  const Value& affix = bound.at(0);
  if (!affix.is_string() && affix.kind() != Kind::kTuple) {
    return rt.fail(fmt::format("{} first arg must be str or a tuple of str, not {}",
                               at_start ? "startswith" : "endswith", type_name(affix)));
  }
  const auto part = section(rt, self, bound);
  if (rt.failed() || !part) return Value::boolean(false);
  const auto matches = [&](const Value& candidate) {
    if (!candidate.is_string()) {
      rt.fail(
          fmt::format("tuple for startswith must only contain str, not {}", type_name(candidate)));
      return false;
    }
    rt.charge_bytes(candidate.text().size());
    return at_start ? part->text.starts_with(candidate.text())
                    : part->text.ends_with(candidate.text());
  };
  if (affix.is_string()) return Value::boolean(matches(affix));
  return Value::boolean(std::any_of(affix.items().begin(), affix.items().end(), matches));
}

using CharTest = bool (*)(char32_t);

// True for a string of one or more characters that all pass.
template <CharTest test>
Value all_chars(Runtime& rt, const Value& self, const Args& args) {
  const BoundArgs bound(rt, "str method", {}, 0, args);
  if (!bound.ok() || !rt.charge_bytes(self.text().size())) return {};
  for (size_t at = 0; at < self.text().size();) {
    if (!test(next_code_point(self.text(), at))) return Value::boolean(false);
  }
  return Value::boolean(!self.text().empty());
}

bool is_alphanumeric(char32_t c) { return is_letter(c) || is_numeric(c); }

template <CharTest wanted, CharTest unwanted>
Value is_cased_as(Runtime& rt, const Value& self, const Args& args) {
  const BoundArgs bound(rt, "str method", {}, 0, args);
  if (!bound.ok() || !rt.charge_bytes(self.text().size())) return {};
  return Value::boolean(all_cased(self.text(), wanted, unwanted));
}

Value istitle_method(Runtime& rt, const Value& self, const Args& args) {
  const BoundArgs bound(rt, "istitle", {}, 0, args);
  if (!bound.ok() || !rt.charge_bytes(self.text().size())) return {};
  bool any = false;
  bool in_word = false;
  for (size_t at = 0; at < self.text().size();) {
    const char32_t c = next_code_point(self.text(), at);
    const bool capital = is_upper(c) || is_title(c);
    if (capital ? in_word : is_lower(c) && !in_word) return Value::boolean(false);
    in_word = capital || is_lower(c);
    any = any || in_word;
  }
  return Value::boolean(any);
}

Value isascii_method(Runtime& rt, const Value& self, const Args& args) {
  const BoundArgs bound(rt, "isascii", {}, 0, args);
  return bound.ok() ? Value::boolean(self.as_string().ascii()) : Value();
}

Value isprintable_method(Runtime& rt, const Value& self, const Args& args) {
  const Value all = all_chars<is_printable>(rt, self, args);
  return rt.failed() ? Value() : Value::boolean(self.text().empty() || all.as_bool());
}

Value isidentifier_method(Runtime& rt, const Value& self, const Args& args) {
  const Value all = all_chars<is_identifier_part>(rt, self, args);
  if (rt.failed() || !all.as_bool()) return Value::boolean(false);
  size_t at = 0;
  return Value::boolean(is_identifier_start(next_code_point(self.text(), at)));
}

template <char align>
Value justify(Runtime& rt, const Value& self, const Args& args) {
  BoundArgs bound(rt, "justify", {"", ""}, 1, args);
  if (!bound.ok()) return {};
  FormatSpec spec;
  spec.width = bound.integer(0, 0);
  spec.fill = bound.text(1, " ");
  if (rt.failed()) return {};
  if (count_code_points(spec.fill) != 1) {
    return rt.fail("The fill character must be exactly one character long");
  }
  if (align == '^') return like(rt, self, centered(rt, self.text(), spec));
  return like(rt, self, padded(rt, self.text(), spec, align));
}

Value zfill_method(Runtime& rt, const Value& self, const Args& args) {
  BoundArgs bound(rt, "zfill", {""}, 1, args);
  if (!bound.ok()) return {};
  const bool has_sign = !self.text().empty() && (self.text()[0] == '-' || self.text()[0] == '+');
  FormatSpec spec;
  spec.fill = "0";
  spec.width = bound.integer(0, 0) - (has_sign ? 1 : 0);
  return like(rt, self,
              self.text().substr(0, has_sign ? 1 : 0) +
                  padded(rt, self.text().substr(has_sign ? 1 : 0), spec, '>'));
}

template <bool at_start>
Value remove_affix(Runtime& rt, const Value& self, const Args& args) {
  BoundArgs bound(rt, at_start ? "removeprefix" : "removesuffix", {""}, 1, args);
  if (!bound.ok()) return {};
  const std::string affix = bound.text(0, "");
  std::string_view text = self.text();
  if (at_start && text.starts_with(affix)) text.remove_prefix(affix.size());
  if (!at_start && text.ends_with(affix)) text.remove_suffix(affix.size());
  return like(rt, self, std::string(text));
}

template <bool from_right>
Value partition_method(Runtime& rt, const Value& self, const Args& args) {
  BoundArgs bound(rt, "partition", {""}, 1, args);
  if (!bound.ok() || !rt.charge_bytes(self.text().size())) return {};
  const std::string separator = bound.text(0, "");
  if (rt.failed()) return {};
  if (separator.empty()) return rt.fail("empty separator");
  const std::string_view text = self.text();
  const size_t found = from_right ? rfind_text(text, separator) : find_text(text, separator);
  std::vector<std::string_view> parts = {text, "", ""};
  if (found != std::string_view::npos) {
    parts = {text.substr(0, found), separator, text.substr(found + separator.size())};
  } else if (from_right) {
    parts = {"", "", text};
  }
  return rt.tuple(like(self, parts));
}

Value expandtabs_method(Runtime& rt, const Value& self, const Args& args) {
  BoundArgs bound(rt, "expandtabs", {"tabsize"}, 0, args);
  if (!bound.ok() || !rt.charge_bytes(self.text().size())) return {};
  const int64_t size = bound.integer(0, 8);
  std::string out;
  int64_t column = 0;
  for (const char c : self.text()) {
    if (c == '\t') {
      const int64_t spaces = size > 0 ? size - column % size : 0;
      if (spaces > kMaxWidth || !rt.charge_bytes(static_cast<uint64_t>(spaces))) {
        return rt.fail("expandtabs: a tab of more than kMaxWidth columns");
      }
      out.append(static_cast<size_t>(spaces), ' ');
      column += spaces;
    } else {
      out += c;
      if ((c & 0xC0) != 0x80) ++column;
      if (c == '\n' || c == '\r') column = 0;
    }
    if (out.size() > kMaxStringBytes) break;
  }
  return like(rt, self, std::move(out));
}

Value format_method(Runtime& rt, const Value& self, const Args& args) {
  return brace_format(rt, self, args);
}

Value format_map_method(Runtime& rt, const Value& self, const Args& args) {
  const BoundArgs bound(rt, "format_map", {""}, 1, args);
  if (!bound.ok()) return {};
  if (!bound.at(0).is_dict()) return rt.fail("format_map() expected a mapping");
  Args named;
  for (const auto& [key, value] : bound.at(0).as_dict().entries()) {
    if (key.is_string() && rt.charge()) named.named.emplace_back(key.text(), value);
  }
  return brace_format(rt, self, named);
}

constexpr std::array kMethods = {
    NamedFunction{"capitalize", transformed<capitalized>},
    NamedFunction{"casefold", transformed<case_folded>},
    NamedFunction{"center", justify<'^'>},
    NamedFunction{"count", count_method},
    NamedFunction{"endswith", has_affix<false>},
    NamedFunction{"expandtabs", expandtabs_method},
    NamedFunction{"find", find_in<false, false>},
    NamedFunction{"format", format_method},
    NamedFunction{"format_map", format_map_method},
    NamedFunction{"index", find_in<false, true>},
    NamedFunction{"isalnum", all_chars<is_alphanumeric>},
    NamedFunction{"isalpha", all_chars<is_letter>},
    NamedFunction{"isascii", isascii_method},
    NamedFunction{"isdecimal", all_chars<is_decimal>},
    NamedFunction{"isdigit", all_chars<is_digit>},
    NamedFunction{"isidentifier", isidentifier_method},
    NamedFunction{"islower", is_cased_as<is_lower, is_upper>},
    NamedFunction{"isnumeric", all_chars<is_numeric>},
    NamedFunction{"isprintable", isprintable_method},
    NamedFunction{"isspace", all_chars<is_space>},
    NamedFunction{"istitle", istitle_method},
    NamedFunction{"isupper", is_cased_as<is_upper, is_lower>},
    NamedFunction{"join", join_method},
    NamedFunction{"ljust", justify<'<'>},
    NamedFunction{"lower", transformed<to_lower>},
    NamedFunction{"lstrip", strip_method<StripSide::kLeft>},
    NamedFunction{"partition", partition_method<false>},
    NamedFunction{"removeprefix", remove_affix<true>},
    NamedFunction{"removesuffix", remove_affix<false>},
    NamedFunction{"replace", replace_method},
    NamedFunction{"rfind", find_in<true, false>},
    NamedFunction{"rindex", find_in<true, true>},
    NamedFunction{"rjust", justify<'>'>},
    NamedFunction{"rpartition", partition_method<true>},
    NamedFunction{"rsplit", split_method<true>},
    NamedFunction{"rstrip", strip_method<StripSide::kRight>},
    NamedFunction{"split", split_method<false>},
    NamedFunction{"splitlines", splitlines_method},
    NamedFunction{"startswith", has_affix<true>},
    NamedFunction{"strip", strip_method<StripSide::kBoth>},
    NamedFunction{"swapcase", transformed<swapped_case>},
    NamedFunction{"title", transformed<to_title>},
    NamedFunction{"upper", transformed<to_upper>},
    NamedFunction{"zfill", zfill_method},
};

}  // namespace

std::span<const NamedFunction> string_methods() { return kMethods; }

}  // namespace bora::jinja
