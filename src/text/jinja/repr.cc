#include "text/jinja/repr.h"

#include "text/jinja/unicode.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>

namespace bora::jinja {
namespace {

void append_escape(std::string& out, char32_t c) {
  const auto code = static_cast<uint32_t>(c);
  if (code < 0x100) {
    fmt::format_to(std::back_inserter(out), "\\x{:02x}", code);
  } else if (code < 0x10000) {
    fmt::format_to(std::back_inserter(out), "\\u{:04x}", code);
  } else {
    fmt::format_to(std::back_inserter(out), "\\U{:08x}", code);
  }
}

// Appends repr() to one growing string; false once the string or the budget is over its limit.
class Printer {
 public:
  explicit Printer(Runtime& rt) : rt_(rt) {}

  bool print(const Value& value) {
    const Runtime::Descent descent(rt_);
    if (!descent.ok() || !rt_.charge()) return false;
    if (out_.size() > kMaxStringBytes) return rt_.allow_string(out_.size());
    switch (value.kind()) {
      case Kind::kUndefined:
        out_ += "Undefined";
        return true;
      case Kind::kNone:
        out_ += "None";
        return true;
      case Kind::kBool:
        out_ += value.as_bool() ? "True" : "False";
        return true;
      case Kind::kInt:
        out_ += std::to_string(value.as_int());
        return true;
      case Kind::kFloat:
        out_ += float_repr(value.as_double());
        return true;
      case Kind::kString:
        if (!rt_.charge_bytes(4 * value.text().size())) return false;
        print_string(value);
        return true;
      case Kind::kList:
        return print_items(value.items(), "[", "]");
      case Kind::kTuple:
        return print_items(value.items(), "(", value.items().size() == 1 ? ",)" : ")");
      case Kind::kDict:
        return print_dict(value.as_dict());
      case Kind::kDictView:
        return print_view(value.as_dict_view());
      case Kind::kRange:
        print_range(value.as_range());
        return true;
      case Kind::kIterator:
        out_ += fmt::format("<{} object>", value.as_iterator().type_name);
        return true;
      case Kind::kObject:
        out_ += value.as_object().repr(rt_);
        return !rt_.failed();
    }
    return true;
  }

  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void print_string(const Value& value) {
    out_ +=
        value.is_markup() ? fmt::format("Markup({})", quoted(value.text())) : quoted(value.text());
  }

  bool print_items(const std::vector<Value>& items, std::string_view open, std::string_view close) {
    out_ += open;
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_ += ", ";
      if (!print(items[i])) return false;
    }
    out_ += close;
    return true;
  }

  bool print_dict(const Dict& dict) {
    out_ += '{';
    bool first = true;
    for (const auto& [key, value] : dict.entries()) {
      if (!first) out_ += ", ";
      first = false;
      if (!print(key)) return false;
      out_ += ": ";
      if (!print(value)) return false;
    }
    out_ += '}';
    return true;
  }

  bool print_view(const DictViewBox& view) {
    constexpr std::array<std::string_view, 3> kOpen = {"dict_keys([", "dict_values([",
                                                       "dict_items(["};
    out_ += kOpen[static_cast<size_t>(view.kind)];
    bool first = true;
    for (const auto& [key, value] : view.dict->entries()) {
      if (!first) out_ += ", ";
      first = false;
      const bool items = view.kind == DictViewKind::kItems;
      if (items) out_ += '(';
      if (view.kind != DictViewKind::kValues && !print(key)) return false;
      if (items) out_ += ", ";
      if (view.kind != DictViewKind::kKeys && !print(value)) return false;
      if (items) out_ += ')';
    }
    out_ += "])";
    return true;
  }

  void print_range(const RangeBox& range) {
    out_ += fmt::format("range({}, {}", range.start, range.stop);
    if (range.step != 1) out_ += fmt::format(", {}", range.step);
    out_ += ')';
  }

  Runtime& rt_;
  std::string out_;
};

}  // namespace

std::string to_text(Runtime& rt, const Value& value) {
  if (value.is_string()) return value.text();
  if (value.is_undefined()) return {};
  return repr(rt, value);
}

std::string repr(Runtime& rt, const Value& value) {
  Printer printer(rt);
  printer.print(value);
  return printer.take();
}

std::string quoted(std::string_view text) {
  const bool doubled =
      text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos;
  const char quote = doubled ? '"' : '\'';
  std::string out(1, quote);
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    const char32_t c = next_code_point(text, at);
    if (c == '\\' || c == static_cast<char32_t>(quote)) {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (is_printable(c)) {
      out += text.substr(begin, at - begin);
    } else {
      append_escape(out, c);
    }
  }
  out += quote;
  return out;
}

std::string float_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::array<char, 64> buffer{};
  const auto end =
      std::to_chars(buffer.begin(), buffer.end(), value, std::chars_format::scientific);
  const std::string_view written(buffer.data(), static_cast<size_t>(end.ptr - buffer.data()));
  const size_t e = written.find('e');
  std::string digits;
  for (const char c : written.substr(0, e)) {
    if (c >= '0' && c <= '9') digits += c;
  }
  int exponent = 0;
  const bool negative_exponent = written[e + 1] == '-';
  std::from_chars(written.data() + e + 2, written.data() + written.size(), exponent);
  if (negative_exponent) exponent = -exponent;
  const std::string sign = std::signbit(value) ? "-" : "";
  const auto size = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    const std::string fraction = size > 1 ? "." + digits.substr(1) : "";
    return fmt::format("{}{}{}e{}{:02d}", sign, digits.substr(0, 1), fraction,
                       exponent < 0 ? '-' : '+', std::abs(exponent));
  }
  if (exponent < 0)
    return sign + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  if (size <= exponent + 1) {
    return sign + digits + std::string(static_cast<size_t>(exponent + 1 - size), '0') + ".0";
  }
  const auto point = static_cast<size_t>(exponent) + 1;
  return sign + digits.substr(0, point) + "." + digits.substr(point);
}

}  // namespace bora::jinja
