// Numbers and padding under a FormatSpec.
#include "text/jinja/format.h"
#include "text/jinja/repr.h"
#include "text/jinja/unicode.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

namespace bora::jinja {
namespace {

std::string sign_of(bool negative, char sign) {
  if (negative) return "-";
  return sign == '-' ? "" : std::string(1, sign);
}

// Puts the separator between groups of digits, from the right.
std::string grouped(std::string_view digits, char separator, size_t group) {
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % group == 0) out += separator;
    out += digits[i];
  }
  return out;
}

// Joins sign, prefix and digits; zero padding goes between them, and takes part in the grouping.
std::string assemble(Runtime& rt, const std::string& sign_and_prefix, std::string whole,
                     const std::string& rest, const FormatSpec& spec) {
  const size_t group =
      std::string_view("box").find(spec.type) != std::string_view::npos || spec.type == 'X' ? 4 : 3;
  const bool zeros = spec.fill == "0" && spec.align == '=';
  if (spec.grouping != 0) {
    if (zeros && spec.width > 0 && spec.width <= kMaxWidth) {
      const auto taken = sign_and_prefix.size() + rest.size();
      const auto width = static_cast<size_t>(spec.width);
      // As many digits as fit with their separators.
      size_t digits = whole.size();
      while (taken + digits + (digits - 1) / group < width) ++digits;
      whole.insert(0, digits - whole.size(), '0');
    }
    whole = grouped(whole, spec.grouping, group);
  }
  if (spec.align == '=') {
    FormatSpec inner = spec;
    inner.width = std::max<int64_t>(0, spec.width - static_cast<int64_t>(sign_and_prefix.size()));
    inner.align = '>';
    return sign_and_prefix + padded(rt, whole + rest, inner, '>');
  }
  return padded(rt, sign_and_prefix + whole + rest, spec, '>');
}

std::string format_integer(Runtime& rt, int64_t value, const FormatSpec& spec) {
  const bool negative = value < 0;
  const uint64_t magnitude =
      negative ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  std::string digits;
  std::string prefix;
  switch (spec.type) {
    case 'b':
      digits = fmt::format("{:b}", magnitude);
      prefix = "0b";
      break;
    case 'o':
      digits = fmt::format("{:o}", magnitude);
      prefix = "0o";
      break;
    case 'x':
      digits = fmt::format("{:x}", magnitude);
      prefix = "0x";
      break;
    case 'X':
      digits = fmt::format("{:X}", magnitude);
      prefix = "0X";
      break;
    default:
      digits = fmt::format("{}", magnitude);
  }
  if (!spec.alternate) prefix.clear();
  return assemble(rt, sign_of(negative, spec.sign) + prefix, std::move(digits), "", spec);
}

std::string c_format(double magnitude, char type, int precision, bool alternate) {
  const std::string pattern = std::string(alternate ? "%#.*" : "%.*") + type;
  const int size = std::snprintf(nullptr, 0, pattern.c_str(), precision, magnitude);
  std::string out(static_cast<size_t>(size) + 1, '\0');
  std::snprintf(out.data(), out.size(), pattern.c_str(), precision, magnitude);
  out.pop_back();
  return out;
}

// The digits of a float of no sign, without padding.
std::string float_digits(double magnitude, const FormatSpec& spec) {
  const int precision = spec.precision < 0 ? 6 : static_cast<int>(spec.precision);
  switch (spec.type) {
    case 0: {
      if (spec.precision < 0) return float_repr(magnitude);
      std::string out = c_format(magnitude, 'g', std::max(precision, 1), false);
      // Without a type there is always a digit behind the point.
      const bool whole = out.find_first_of(".en") == std::string::npos;
      return whole ? out + ".0" : out;
    }
    case 'n':
      return c_format(magnitude, 'g', std::max(precision, 1), spec.alternate);
    case 'g':
    case 'G':
      return c_format(magnitude, spec.type, std::max(precision, 1), spec.alternate);
    case '%':
      return c_format(magnitude * 100.0, 'f', precision, spec.alternate) + "%";
    default:
      return c_format(magnitude, spec.type, precision, spec.alternate);
  }
}

std::string format_float(Runtime& rt, double value, const FormatSpec& spec) {
  const std::string digits = float_digits(std::fabs(value), spec);
  const size_t point = std::min(digits.find_first_not_of("0123456789"), digits.size());
  bool negative = std::signbit(value) && !std::isnan(value);
  if (negative && spec.no_negative_zero &&
      digits.find_first_of("123456789infINF") == std::string::npos) {
    negative = false;
  }
  return assemble(rt, sign_of(negative, spec.sign), digits.substr(0, point), digits.substr(point),
                  spec);
}

}  // namespace

std::string padded(Runtime& rt, std::string text, const FormatSpec& spec, char default_align) {
  const auto length = static_cast<int64_t>(count_code_points(text));
  if (spec.width <= length) return text;
  if (spec.width > kMaxWidth) {
    rt.fail(fmt::format("a width of more than {} (limit kMaxWidth)", kMaxWidth));
    return text;
  }
  const auto missing = static_cast<size_t>(spec.width - length);
  if (!rt.charge_bytes(missing * spec.fill.size())) return text;
  const auto fill = [&](size_t count) {
    std::string out;
    for (; count > 0; --count) out += spec.fill;
    return out;
  };
  switch (spec.align == 0 ? default_align : spec.align) {
    case '<':
      return text + fill(missing);
    case '^':
      return fill(missing / 2) + text + fill(missing - missing / 2);
    default:
      return fill(missing) + text;
  }
}

std::string format_number(Runtime& rt, const Value& number, const FormatSpec& spec) {
  if (spec.precision > kMaxWidth) {
    rt.fail(fmt::format("a precision of more than {} (limit kMaxWidth)", kMaxWidth));
    return {};
  }
  rt.charge_bytes(static_cast<uint64_t>(std::max<int64_t>(spec.precision, 0)));
  if (rt.failed()) return {};
  if (std::string_view("eEfFgG%").find(spec.type) != std::string_view::npos && spec.type != 0) {
    return format_float(rt, number.as_double(), spec);
  }
  if (number.is_float()) return format_float(rt, number.as_double(), spec);
  return format_integer(rt, number.as_int(), spec);
}

}  // namespace bora::jinja
