#include "text/jinja/filter_support.h"

#include "text/jinja/operators.h"
#include "text/jinja/repr.h"
#include "text/jinja/text_ops.h"
#include "text/jinja/unicode.h"

#include <algorithm>
#include <cstdlib>

namespace bora::jinja {
namespace {

bool all_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::string soft_text(Runtime& rt, const Value& value) { return to_text(rt, value); }

Value soft_string(Runtime& rt, const Value& value) {
  return value.is_string() ? value : rt.string(to_text(rt, value));
}

AttributePath::AttributePath(Runtime& rt, const Value& attribute) {
  if (attribute.is_none() || attribute.is_undefined()) return;
  if (!attribute.is_string()) {
    parts_.push_back(attribute);
    return;
  }
  constexpr size_t kMaxIndexDigits = 18;
  if (!rt.charge_bytes(attribute.text().size())) return;
  for (const std::string_view part : split_text(attribute.text(), ".", std::string::npos)) {
    const bool index = all_digits(part) && part.size() <= kMaxIndexDigits;
    parts_.push_back(index ? Value::integer(std::atoll(std::string(part).c_str()))
                           : Value::string(std::string(part)));
  }
}

Value AttributePath::get(Runtime& rt, const Value& item, const Value* fallback) const {
  Value value = item;
  for (const Value& part : parts_) {
    if (!rt.charge()) return {};
    value = get_item(rt, value, part);
    if (fallback != nullptr && value.is_undefined()) value = *fallback;
  }
  return value;
}

Value comparison_key(Runtime& rt, const Value& value, bool case_sensitive) {
  if (case_sensitive || !value.is_string()) return value;
  return rt.string(to_lower(value.text()));
}

bool less_than(Runtime& rt, const Value& a, const Value& b) {
  return compare(rt, CompareOp::kLt, a, b);
}

std::optional<double> read_float(std::string_view text) {
  std::string digits;
  char previous = '\0';
  for (const char c : strip_space(text, StripSide::kBoth)) {
    const bool digit = c >= '0' && c <= '9';
    // An underscore stands between two digits.
    if (previous == '_' && !digit) return std::nullopt;
    if (c == '_') {
      if (!(previous >= '0' && previous <= '9')) return std::nullopt;
    } else {
      digits += c;
    }
    previous = c;
  }
  if (digits.empty() || previous == '_') return std::nullopt;
  const std::string lower = to_lower(digits);
  const std::string_view unsigned_text =
      std::string_view(lower).substr(lower[0] == '+' || lower[0] == '-' ? 1 : 0);
  const bool word = unsigned_text == "inf" || unsigned_text == "infinity" || unsigned_text == "nan";
  // strtod also reads hexadecimal, which Python does not.
  if (!word && unsigned_text.find_first_not_of("0123456789.e+-") != std::string_view::npos) {
    return std::nullopt;
  }
  char* end = nullptr;
  const double value = std::strtod(digits.c_str(), &end);
  if (end != digits.c_str() + digits.size()) return std::nullopt;
  return value;
}

}  // namespace bora::jinja
