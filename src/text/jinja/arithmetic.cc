// Python's binary arithmetic: numbers, and what + * % mean for strings, lists and tuples.
#include "text/jinja/format.h"
#include "text/jinja/markup.h"
#include "text/jinja/operators.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <string>

namespace bora::jinja {
namespace {

constexpr std::string_view symbol(BinaryOp op) {
  switch (op) {
    case BinaryOp::kAdd:
      return "+";
    case BinaryOp::kSub:
      return "-";
    case BinaryOp::kMul:
      return "*";
    case BinaryOp::kDiv:
      return "/";
    case BinaryOp::kFloorDiv:
      return "//";
    case BinaryOp::kMod:
      return "%";
    case BinaryOp::kPow:
      return "**";
  }
  return "";
}

Value overflow(Runtime& rt) { return rt.fail("integer result does not fit into 64 bits"); }

Value integer_power(Runtime& rt, int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) return rt.fail("0.0 cannot be raised to a negative power");
    return Value::real(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  int64_t result = 1;
  while (exponent > 0) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result)) return overflow(rt);
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) {
      return overflow(rt);
    }
  }
  return Value::integer(result);
}

Value integer_arithmetic(Runtime& rt, BinaryOp op, int64_t a, int64_t b) {
  constexpr int64_t kLowest = std::numeric_limits<int64_t>::min();
  const bool divides = op == BinaryOp::kDiv || op == BinaryOp::kFloorDiv || op == BinaryOp::kMod;
  if (divides && b == 0) {
    return rt.fail(op == BinaryOp::kDiv ? "division by zero"
                                        : "integer division or modulo by zero");
  }
  int64_t result = 0;
  switch (op) {
    case BinaryOp::kAdd:
      return __builtin_add_overflow(a, b, &result) ? overflow(rt) : Value::integer(result);
    case BinaryOp::kSub:
      return __builtin_sub_overflow(a, b, &result) ? overflow(rt) : Value::integer(result);
    case BinaryOp::kMul:
      return __builtin_mul_overflow(a, b, &result) ? overflow(rt) : Value::integer(result);
    case BinaryOp::kDiv:
      return Value::real(static_cast<double>(a) / static_cast<double>(b));
    case BinaryOp::kFloorDiv:
      if (a == kLowest && b == -1) return overflow(rt);
      return Value::integer(a / b - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0));
    case BinaryOp::kMod:
      if (b == -1) return Value::integer(0);
      result = a % b;
      return Value::integer(result != 0 && (result < 0) != (b < 0) ? result + b : result);
    case BinaryOp::kPow:
      return integer_power(rt, a, b);
  }
  return {};
}

// Python's float modulo takes the divisor's sign, and floor division follows from it.
double float_modulo(double a, double b) {
  double result = std::fmod(a, b);
  if (result != 0.0) {
    if ((result < 0) != (b < 0)) result += b;
    return result;
  }
  return std::copysign(0.0, b);
}

double float_floor_divide(double a, double b) {
  const double quotient = (a - float_modulo(a, b)) / b;
  if (quotient == 0.0) return std::copysign(0.0, a / b);
  const double floored = std::floor(quotient);
  return quotient - floored > 0.5 ? floored + 1.0 : floored;
}

Value float_power(Runtime& rt, double a, double b) {
  if (a == 0.0 && b < 0.0) return rt.fail("0.0 cannot be raised to a negative power");
  if (a < 0.0 && std::isfinite(a) && std::isfinite(b) && b != std::floor(b)) {
    return rt.fail("a negative number to a fractional power is complex");
  }
  const double result = std::pow(a, b);
  if (std::isinf(result) && std::isfinite(a) && std::isfinite(b)) {
    return rt.fail("numerical result out of range");
  }
  return Value::real(result);
}

Value float_arithmetic(Runtime& rt, BinaryOp op, double a, double b) {
  switch (op) {
    case BinaryOp::kAdd:
      return Value::real(a + b);
    case BinaryOp::kSub:
      return Value::real(a - b);
    case BinaryOp::kMul:
      return Value::real(a * b);
    case BinaryOp::kDiv:
      return b == 0.0 ? rt.fail("float division by zero") : Value::real(a / b);
    case BinaryOp::kFloorDiv:
      return b == 0.0 ? rt.fail("float floor division by zero")
                      : Value::real(float_floor_divide(a, b));
    case BinaryOp::kMod:
      return b == 0.0 ? rt.fail("float modulo") : Value::real(float_modulo(a, b));
    case BinaryOp::kPow:
      return float_power(rt, a, b);
  }
  return {};
}

Value repeat(Runtime& rt, const Value& sequence, int64_t times) {
  const auto count = static_cast<uint64_t>(std::max<int64_t>(times, 0));
  if (sequence.is_string()) {
    const std::string& unit = sequence.text();
    if (unit.empty() || count == 0) return Value::string("", sequence.is_markup());
    const uint64_t bytes = count > kMaxStringBytes ? count : count * unit.size();
    if (!rt.allow_string(bytes)) return {};
    std::string out;
    out.reserve(bytes);
    for (uint64_t i = 0; i < count; ++i) out += unit;
    return Value::string(std::move(out), sequence.is_markup());
  }
  const std::vector<Value>& unit = sequence.items();
  std::vector<Value> out;
  if (!unit.empty() && count > 0) {
    if (!rt.allow_items(count > kMaxListItems ? count : count * unit.size())) return {};
    out.reserve(count * unit.size());
    for (uint64_t i = 0; i < count; ++i) out.insert(out.end(), unit.begin(), unit.end());
  }
  return sequence.kind() == Kind::kTuple ? rt.tuple(std::move(out)) : rt.list(std::move(out));
}

Value concatenate(Runtime& rt, const Value& a, const Value& b) {
  if (a.is_string()) {
    const bool markup = a.is_markup() || b.is_markup();
    if (!rt.allow_string(a.text().size() + b.text().size())) return {};
    if (!markup) return Value::string(a.text() + b.text());
    return rt.string(markup_text(a) + markup_text(b), true);
  }
  if (!rt.allow_items(a.items().size() + b.items().size())) return {};
  std::vector<Value> out = a.items();
  out.insert(out.end(), b.items().begin(), b.items().end());
  return a.kind() == Kind::kTuple ? rt.tuple(std::move(out)) : rt.list(std::move(out));
}

bool is_repeatable(const Value& value) { return value.is_string() || value.is_sequence(); }

}  // namespace

Value arithmetic(Runtime& rt, BinaryOp op, const Value& a, const Value& b) {
  if (a.is_integral() && b.is_integral()) return integer_arithmetic(rt, op, a.as_int(), b.as_int());
  if (a.is_number() && b.is_number()) return float_arithmetic(rt, op, a.as_double(), b.as_double());
  if (op == BinaryOp::kMod && a.is_string()) return percent_format(rt, a, b);
  if (a.is_undefined() || b.is_undefined()) return rt.fail_undefined(a.is_undefined() ? a : b);
  if (op == BinaryOp::kAdd && is_repeatable(a) && a.kind() == b.kind())
    return concatenate(rt, a, b);
  if (op == BinaryOp::kMul && is_repeatable(a) && b.is_integral()) return repeat(rt, a, b.as_int());
  if (op == BinaryOp::kMul && is_repeatable(b) && a.is_integral()) return repeat(rt, b, a.as_int());
  if (op == BinaryOp::kAdd && a.is_string()) {
    return rt.fail(fmt::format("can only concatenate str (not \"{}\") to str", type_name(b)));
  }
  return rt.fail(fmt::format("unsupported operand type(s) for {}: '{}' and '{}'", symbol(op),
                             type_name(a), type_name(b)));
}

Value negate(Runtime& rt, const Value& value) {
  if (value.is_undefined()) return rt.fail_undefined(value);
  if (value.is_float()) return Value::real(-value.as_double());
  if (value.is_integral()) {
    return value.as_int() == std::numeric_limits<int64_t>::min() ? overflow(rt)
                                                                 : Value::integer(-value.as_int());
  }
  return rt.fail(fmt::format("bad operand type for unary -: '{}'", type_name(value)));
}

Value plus(Runtime& rt, const Value& value) {
  if (value.is_undefined()) return rt.fail_undefined(value);
  if (value.is_float()) return value;
  if (value.is_integral()) return Value::integer(value.as_int());
  return rt.fail(fmt::format("bad operand type for unary +: '{}'", type_name(value)));
}

}  // namespace bora::jinja
