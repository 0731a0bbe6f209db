// str.format, as jinja2's sandbox does it: fields are looked up with the template's own rules.
#include "text/jinja/format.h"
#include "text/jinja/markup.h"
#include "text/jinja/operators.h"
#include "text/jinja/repr.h"
#include "text/jinja/unicode.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

namespace bora::jinja {
namespace {

constexpr int kMaxNesting = 2;  // a field's specification may hold fields, those may not

bool is_ascii_digit(char c) { return c >= '0' && c <= '9'; }
bool is_align(char c) { return c == '<' || c == '>' || c == '^' || c == '='; }

// Reads "[[fill]align][sign][z][#][0][width][grouping][.precision][type]".
class SpecReader {
 public:
  SpecReader(Runtime& rt, std::string_view text) : rt_(rt), text_(text) {}

  FormatSpec read() {
    read_alignment();
    if (peek() == '+' || peek() == '-' || peek() == ' ') spec_.sign = text_[at_++];
    spec_.no_negative_zero = skip('z');
    spec_.alternate = skip('#');
    if (peek() == '0') {
      ++at_;
      spec_.zero_padded = true;
      if (spec_.align == 0) spec_.fill = "0";
    }
    spec_.width = std::max<int64_t>(read_number(), 0);
    if (peek() == ',' || peek() == '_') spec_.grouping = text_[at_++];
    if (skip('.')) {
      spec_.precision = read_number();
      if (spec_.precision < 0) rt_.fail("Format specifier missing precision");
    }
    if (at_ < text_.size()) spec_.type = text_[at_++];
    if (at_ < text_.size()) rt_.fail("Invalid format specifier");
    return spec_;
  }

 private:
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool skip(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }

  void read_alignment() {
    if (text_.empty()) return;
    size_t end = 0;
    next_code_point(text_, end);
    if (end < text_.size() && is_align(text_[end])) {
      spec_.fill = std::string(text_.substr(0, end));
      spec_.align = text_[end];
      at_ = end + 1;
    } else if (is_align(text_[0])) {
      spec_.align = text_[0];
      at_ = 1;
    }
  }

  int64_t read_number() {
    if (!is_ascii_digit(peek())) return -1;
    int64_t number = 0;
    for (; is_ascii_digit(peek()); ++at_) {
      number = std::min<int64_t>(number * 10 + (text_[at_] - '0'), kMaxWidth + 1);
    }
    return number;
  }

  Runtime& rt_;
  std::string_view text_;
  size_t at_ = 0;
  FormatSpec spec_;
};

std::string format_text(Runtime& rt, std::string text, const FormatSpec& spec) {
  if ((spec.type != 0 && spec.type != 's') || spec.align == '=' || spec.sign != '-' ||
      spec.grouping != 0 || spec.alternate) {
    rt.fail("Invalid format specifier for object of type 'str'");
    return {};
  }
  if (spec.precision >= 0) text.resize(offset_of(text, static_cast<size_t>(spec.precision)));
  return padded(rt, std::move(text), spec, '<');
}

std::string format_any_number(Runtime& rt, const Value& value, FormatSpec spec) {
  constexpr std::string_view kIntegerTypes = "bcdnoxXeEfFgG%";
  constexpr std::string_view kFloatTypes = "neEfFgG%";
  const std::string_view types = value.is_float() ? kFloatTypes : kIntegerTypes;
  if (spec.type != 0 && types.find(spec.type) == std::string_view::npos) {
    rt.fail(fmt::format("Unknown format code '{}' for object of type '{}'", spec.type,
                        type_name(value)));
    return {};
  }
  const bool real =
      value.is_float() || std::string_view("eEfFgG%").find(spec.type) != std::string_view::npos;
  if (!real && spec.precision >= 0) {
    rt.fail("Precision not allowed in integer format specifier");
    return {};
  }
  if (spec.zero_padded && spec.align == 0) spec.align = '=';
  if (spec.type == 'c') {
    if (value.as_int() < 0 || value.as_int() > 0x10FFFF ||
        (value.as_int() >= 0xD800 && value.as_int() <= 0xDFFF)) {
      rt.fail("%c arg not in range(0x110000)");
      return {};
    }
    std::string text;
    append_utf8(text, static_cast<char32_t>(value.as_int()));
    return padded(rt, std::move(text), spec, '<');
  }
  return format_number(rt, value, spec);
}

std::string format_value(Runtime& rt, const Value& value, std::string_view spec_text) {
  if (spec_text.empty()) return to_text(rt, value);
  if (value.is_string()) return format_text(rt, value.text(), SpecReader(rt, spec_text).read());
  if (value.is_number()) {
    const FormatSpec spec = SpecReader(rt, spec_text).read();
    return rt.failed() ? std::string() : format_any_number(rt, value, spec);
  }
  rt.fail(fmt::format("unsupported format string passed to {}.__format__", type_name(value)));
  return {};
}

class BraceFormatter {
 public:
  BraceFormatter(Runtime& rt, const Args& args, bool markup)
      : rt_(rt), args_(args), markup_(markup) {}

  std::string run(std::string_view format, int nesting) {
    if (nesting > kMaxNesting) {
      rt_.fail("Max string recursion exceeded");
      return {};
    }
    std::string out;
    for (size_t at = 0; at < format.size() && !rt_.failed();) {
      const char c = format[at];
      const bool doubled = at + 1 < format.size() && format[at + 1] == c;
      if ((c == '{' || c == '}') && doubled) {
        out += c;
        at += 2;
      } else if (c == '}') {
        rt_.fail("Single '}' encountered in format string");
      } else if (c == '{') {
        const size_t end = field_end(format, at + 1);
        if (end == std::string_view::npos) {
          rt_.fail("expected '}' before end of string");
          break;
        }
        out += field(format.substr(at + 1, end - at - 1), nesting);
        at = end + 1;
      } else {
        out += c;
        ++at;
      }
      if (out.size() > kMaxStringBytes) rt_.allow_string(out.size());
    }
    return out;
  }

 private:
  static size_t field_end(std::string_view format, size_t at) {
    int open = 1;
    bool in_brackets = false;
    bool in_spec = false;
    for (; at < format.size(); ++at) {
      const char c = format[at];
      if (in_brackets) {
        in_brackets = c != ']';
      } else if (c == '[' && !in_spec) {
        in_brackets = true;
      } else if (c == ':') {
        in_spec = true;
      } else if (c == '{') {
        ++open;
      } else if (c == '}' && --open == 0) {
        return at;
      }
    }
    return std::string_view::npos;
  }

  std::string field(std::string_view text, int nesting) {
    if (!rt_.charge_bytes(text.size())) return {};
    size_t name_end = 0;
    for (bool in_brackets = false; name_end < text.size(); ++name_end) {
      const char c = text[name_end];
      if (c == '[') in_brackets = true;
      if (c == ']') in_brackets = false;
      if (!in_brackets && (c == '!' || c == ':')) break;
    }
    Value value = lookup(text.substr(0, name_end));
    std::string_view rest = text.substr(name_end);
    if (!rest.empty() && rest[0] == '!') {
      if (rest.size() < 2 || (rest.size() > 2 && rest[2] != ':')) {
        rt_.fail("expected ':' after conversion specifier");
        return {};
      }
      value = convert(value, rest[1]);
      rest.remove_prefix(2);
    }
    const std::string spec = rest.empty() ? std::string() : run(rest.substr(1), nesting + 1);
    if (rt_.failed()) return {};
    std::string out = format_value(rt_, value, spec);
    return markup_ && !value.is_markup() ? escape_html(out) : out;
  }

  Value convert(const Value& value, char conversion) {
    if (conversion == 's') return rt_.string(to_text(rt_, value), value.is_markup());
    if (conversion == 'r' || conversion == 'a') return rt_.string(repr(rt_, value));
    return rt_.fail(fmt::format("Unknown conversion specifier {}", conversion));
  }

  // "0", "name", "", each with ".attribute" and "[key]" behind it.
  Value lookup(std::string_view path) {
    const size_t first_end = std::min(path.find_first_of(".["), path.size());
    Value value = argument(path.substr(0, first_end));
    size_t at = first_end;
    while (at < path.size() && rt_.charge()) {
      if (path[at] == '.') {
        const size_t end = std::min(path.find_first_of(".[", at + 1), path.size());
        if (end == at + 1) return rt_.fail("Empty attribute in format string");
        value = get_attribute(rt_, value, path.substr(at + 1, end - at - 1));
        at = end;
      } else if (path[at] == '[') {
        const size_t end = path.find(']', at);
        if (end == std::string_view::npos) return rt_.fail("Missing ']' in format string");
        value = get_item(rt_, value, key(path.substr(at + 1, end - at - 1)));
        at = end + 1;
      } else {
        return rt_.fail("Only '.' or '[' may follow ']' in format field specifier");
      }
    }
    return value;
  }

  static std::optional<int64_t> number(std::string_view text) {
    constexpr size_t kMaxDigits = 15;
    if (text.empty() || text.size() > kMaxDigits ||
        !std::all_of(text.begin(), text.end(), is_ascii_digit)) {
      return std::nullopt;
    }
    int64_t value = 0;
    for (const char c : text) value = value * 10 + (c - '0');
    return value;
  }

  static Value key(std::string_view text) {
    const auto index = number(text);
    return index ? Value::integer(*index) : Value::string(std::string(text));
  }

  Value argument(std::string_view name) {
    const auto index = number(name);
    if (name.empty() || index) {
      if (numbering_ != Numbering::kNone &&
          (numbering_ == Numbering::kManual) != index.has_value()) {
        return rt_.fail(
            "cannot switch between manual field specification and automatic field numbering");
      }
      numbering_ = index ? Numbering::kManual : Numbering::kAutomatic;
      const auto i = static_cast<size_t>(index ? *index : static_cast<int64_t>(next_++));
      if (i < args_.positional.size()) return args_.positional[i];
      return rt_.fail(
          fmt::format("Replacement index {} out of range for positional args tuple", i));
    }
    const Value* found = args_.find(name);
    return found != nullptr ? *found : rt_.fail(quoted(name));
  }

  enum class Numbering : uint8_t { kNone, kAutomatic, kManual };

  Runtime& rt_;
  const Args& args_;
  bool markup_;
  Numbering numbering_ = Numbering::kNone;
  size_t next_ = 0;
};

}  // namespace

Value brace_format(Runtime& rt, const Value& format, const Args& args) {
  if (!rt.charge_bytes(format.text().size())) return {};
  const bool markup = format.is_markup();
  return rt.string(BraceFormatter(rt, args, markup).run(format.text(), 1), markup);
}

}  // namespace bora::jinja
