// Filters that give numbers, or format them.
#include "text/jinja/builtins.h"
#include "text/jinja/filter_support.h"
#include "text/jinja/operators.h"
#include "text/jinja/text_ops.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>

namespace bora::jinja {
namespace {

constexpr double kBeyondInt64 = 9223372036854775808.0;  // 2^63

Value truncated(Runtime& rt, double value) {
  if (std::isnan(value) || std::isinf(value)) {
    return rt.fail("cannot convert float infinity or NaN to integer");
  }
  const double whole = std::trunc(value);
  if (whole >= kBeyondInt64 || whole < -kBeyondInt64) {
    return rt.fail("integer result does not fit into 64 bits");
  }
  return Value::integer(static_cast<int64_t>(whole));
}

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  constexpr int kLetters = 10;
  return lower >= 'a' && lower <= 'z' ? lower - 'a' + kLetters : std::numeric_limits<int>::max();
}

enum class IntegerRead : uint8_t { kDone, kMalformed, kTooLarge };

// int(text, base) as Python reads it.
IntegerRead read_integer(std::string_view text, int64_t base, int64_t& value) {
  text = strip_space(text, StripSide::kBoth);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  bool separator_allowed = false;
  if (text.size() > 1 && text[0] == '0') {
    const char marker = static_cast<char>(text[1] | 0x20);
    const int64_t marked = marker == 'x' ? 16 : marker == 'o' ? 8 : marker == 'b' ? 2 : 0;
    if (marked != 0 && (base == 0 || base == marked)) {
      base = marked;
      text.remove_prefix(2);
      separator_allowed = true;  // "0x_ff"
    } else if (base == 0 && text.find_first_not_of("0_") != std::string_view::npos) {
      return IntegerRead::kMalformed;
    }
  }
  if (base == 0) base = 10;
  if (text.empty()) return IntegerRead::kMalformed;
  uint64_t magnitude = 0;
  bool too_large = false;
  for (const char c : text) {
    if (c == '_') {
      if (!separator_allowed) return IntegerRead::kMalformed;
      separator_allowed = false;
      continue;
    }
    if (digit_value(c) >= base) return IntegerRead::kMalformed;
    separator_allowed = true;
    too_large =
        too_large || __builtin_mul_overflow(magnitude, static_cast<uint64_t>(base), &magnitude) ||
        __builtin_add_overflow(magnitude, static_cast<uint64_t>(digit_value(c)), &magnitude);
  }
  if (!separator_allowed) return IntegerRead::kMalformed;
  const uint64_t limit = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (too_large || magnitude > limit) return IntegerRead::kTooLarge;
  value = negative ? -static_cast<int64_t>(magnitude) : static_cast<int64_t>(magnitude);
  return IntegerRead::kDone;
}

Value int_filter(Runtime& rt, const Value& input, const Args& args) {
  constexpr int64_t kLargestBase = 36;
  BoundArgs bound(rt, "int", {"default", "base"}, 0, args);
  if (!bound.ok()) return {};
  Value fallback = bound.has(0) ? bound.at(0) : Value::integer(0);
  const int64_t base = bound.integer(1, 10);
  if (input.is_undefined()) return rt.fail_undefined(input);
  if (input.is_integral()) return Value::integer(input.as_int());
  if (input.is_float())
    return std::isnan(input.as_double()) ? fallback : truncated(rt, input.as_double());
  if (!input.is_string() || !rt.charge_bytes(input.text().size())) return fallback;
  const bool valid_base = base == 0 || (base >= 2 && base <= kLargestBase);
  int64_t value = 0;
  const auto read = valid_base ? read_integer(input.text(), base, value) : IntegerRead::kMalformed;
  if (read == IntegerRead::kDone) return Value::integer(value);
  if (read == IntegerRead::kTooLarge) return rt.fail("integer result does not fit into 64 bits");
  const auto real = read_float(input.text());
  return real && std::isfinite(*real) ? truncated(rt, *real) : fallback;
}

Value float_filter(Runtime& rt, const Value& input, const Args& args) {
  BoundArgs bound(rt, "float", {"default"}, 0, args);
  if (!bound.ok()) return {};
  if (input.is_undefined()) return rt.fail_undefined(input);
  if (input.is_number()) return Value::real(input.as_double());
  if (input.is_string() && rt.charge_bytes(input.text().size())) {
    if (const auto value = read_float(input.text())) return Value::real(*value);
  }
  return bound.has(0) ? bound.at(0) : Value::real(0.0);
}

Value abs_filter(Runtime& rt, const Value& input, const Args& args) {
  const BoundArgs bound(rt, "abs", {}, 0, args);
  if (!bound.ok()) return {};
  if (input.is_float()) return Value::real(std::fabs(input.as_double()));
  if (input.is_integral()) return input.as_int() < 0 ? negate(rt, input) : plus(rt, input);
  if (input.is_undefined()) return rt.fail_undefined(input);
  return rt.fail(fmt::format("bad operand type for abs(): '{}'", type_name(input)));
}

// round(value, digits) as Python does: the nearest decimal to the exact binary value, ties to even.
double rounded(double value, int64_t digits) {
  constexpr int64_t kAllDigits = 330;  // a double has no more behind the point that matter
  if (!std::isfinite(value) || digits > kAllDigits) return value;
  if (digits < -kAllDigits) return std::copysign(0.0, value);
  if (digits < 0) {
    const double scale = std::pow(10.0, static_cast<double>(-digits));
    return std::isinf(scale) ? std::copysign(0.0, value) : std::nearbyint(value / scale) * scale;
  }
  return std::strtod(fmt::format("{:.{}f}", value, digits).c_str(), nullptr);
}

Value rounded_integer(Runtime& rt, int64_t value, int64_t digits) {
  constexpr int64_t kMostDigits = 18;
  if (digits >= 0) return Value::integer(value);
  if (digits < -kMostDigits) return Value::integer(0);
  int64_t scale = 1;
  for (int64_t i = digits; i < 0; ++i) scale *= 10;
  int64_t quotient = value / scale;
  const int64_t twice = std::abs(value % scale);
  const int64_t half = scale / 2;
  if (twice > half || (twice == half && quotient % 2 != 0)) quotient += value < 0 ? -1 : 1;
  return arithmetic(rt, BinaryOp::kMul, Value::integer(quotient), Value::integer(scale));
}

Value round_filter(Runtime& rt, const Value& input, const Args& args) {
  BoundArgs bound(rt, "round", {"precision", "method"}, 0, args);
  if (!bound.ok()) return {};
  const int64_t digits = bound.integer(0, 0);
  const std::string method = bound.text(1, "common");
  if (rt.failed()) return {};
  if (method != "common" && method != "ceil" && method != "floor") {
    return rt.fail("method must be common, ceil or floor");
  }
  if (input.is_undefined()) return rt.fail_undefined(input);
  if (!input.is_number()) {
    return rt.fail(fmt::format("type {} doesn't define __round__ method", type_name(input)));
  }
  if (method == "common") {
    return input.is_float() ? Value::real(rounded(input.as_double(), digits))
                            : rounded_integer(rt, input.as_int(), digits);
  }
  const Value scale = arithmetic(rt, BinaryOp::kPow, Value::integer(10), Value::integer(digits));
  const Value scaled = arithmetic(rt, BinaryOp::kMul, input, scale);
  if (rt.failed()) return {};
  const double whole =
      method == "ceil" ? std::ceil(scaled.as_double()) : std::floor(scaled.as_double());
  return arithmetic(rt, BinaryOp::kDiv, truncated(rt, whole), scale);
}

Value filesizeformat_filter(Runtime& rt, const Value& input, const Args& args) {
  BoundArgs bound(rt, "filesizeformat", {"binary"}, 0, args);
  if (!bound.ok()) return {};
  const bool binary = bound.truth(0, false);
  std::optional<double> bytes;
  if (input.is_number()) bytes = input.as_double();
  if (input.is_string()) bytes = read_float(input.text());
  if (!bytes) return rt.fail("filesizeformat expected a number");
  const double base = binary ? 1024 : 1000;
  if (*bytes == 1) return Value::string("1 Byte");
  if (*bytes < base) {
    const Value whole = truncated(rt, *bytes);
    return rt.failed() ? Value() : rt.string(fmt::format("{} Bytes", whole.as_int()));
  }
  constexpr std::string_view kPrefixes = "kMGTPEZY";
  double unit = base;
  size_t i = 0;
  while (i + 1 < kPrefixes.size() && *bytes >= unit * base) {
    unit *= base;
    ++i;
  }
  const char prefix = binary && i == 0 ? 'K' : kPrefixes[i];
  return rt.string(fmt::format("{:.1f} {}{}", *bytes / unit, prefix, binary ? "iB" : "B"));
}

constexpr std::array kFilters = {
    NamedFunction{"abs", abs_filter},     NamedFunction{"filesizeformat", filesizeformat_filter},
    NamedFunction{"float", float_filter}, NamedFunction{"int", int_filter},
    NamedFunction{"round", round_filter},
};

}  // namespace

std::span<const NamedFunction> number_filters() { return kFilters; }

}  // namespace bora::jinja
