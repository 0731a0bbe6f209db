// The tests: what may stand behind `is`.
#include "text/jinja/builtins.h"
#include "text/jinja/operators.h"
#include "text/jinja/repr.h"
#include "text/jinja/text_ops.h"
#include "text/jinja/unicode.h"

#include <fmt/format.h>

#include <array>

namespace bora::jinja {
namespace {

using Predicate = bool (*)(const Value&);

template <Predicate predicate>
Value holds(Runtime& rt, const Value& value, const Args& args) {
  const BoundArgs bound(rt, "test", {}, 0, args);
  return Value::boolean(bound.ok() && predicate(value));
}

bool is_defined(const Value& value) { return !value.is_undefined(); }
bool is_undefined(const Value& value) { return value.is_undefined(); }
bool is_none(const Value& value) { return value.is_none(); }
bool is_boolean(const Value& value) { return value.is_bool(); }
bool is_true_constant(const Value& value) { return value.is_bool() && value.as_bool(); }
bool is_false_constant(const Value& value) { return value.is_bool() && !value.as_bool(); }
bool is_integer(const Value& value) { return value.is_int(); }
bool is_float(const Value& value) { return value.is_float(); }
bool is_number(const Value& value) { return value.is_number(); }
bool is_string(const Value& value) { return value.is_string(); }
bool is_mapping(const Value& value) { return value.is_dict(); }
bool is_escaped(const Value& value) { return value.is_markup(); }
// jinja2's Undefined has the methods of a sequence and of a function, if only to raise.
bool is_sequence(const Value& value) {
  return value.is_undefined() || value.is_string() || value.is_sequence() || value.is_dict() ||
         value.kind() == Kind::kRange;
}
bool is_callable(const Value& value) {
  return value.is_undefined() || (value.kind() == Kind::kObject && value.as_object().callable());
}

template <CompareOp op>
Value compares(Runtime& rt, const Value& value, const Args& args) {
  const BoundArgs bound(rt, "test", {"other"}, 1, args);
  return Value::boolean(bound.ok() && compare(rt, op, value, bound.at(0)));
}

Value sameas(Runtime& rt, const Value& value, const Args& args) {
  const BoundArgs bound(rt, "sameas", {"other"}, 1, args);
  return Value::boolean(bound.ok() && value.same_as(bound.at(0)));
}

// value % divisor == wanted
Value has_remainder(Runtime& rt, const Value& value, const Value& divisor, int64_t wanted) {
  const Value remainder = arithmetic(rt, BinaryOp::kMod, value, divisor);
  return Value::boolean(!rt.failed() && equal(rt, remainder, Value::integer(wanted)));
}

template <int64_t wanted>
Value parity(Runtime& rt, const Value& value, const Args& args) {
  const BoundArgs bound(rt, "test", {}, 0, args);
  return bound.ok() ? has_remainder(rt, value, Value::integer(2), wanted) : Value();
}

Value divisibleby(Runtime& rt, const Value& value, const Args& args) {
  const BoundArgs bound(rt, "divisibleby", {"num"}, 1, args);
  return bound.ok() ? has_remainder(rt, value, bound.at(0), 0) : Value();
}

template <bool upper>
Value has_case(Runtime& rt, const Value& value, const Args& args) {
  const BoundArgs bound(rt, "test", {}, 0, args);
  if (!bound.ok()) return {};
  const std::string text = to_text(rt, value);
  rt.charge_bytes(text.size());
  return Value::boolean(upper ? all_cased(text, bora::jinja::is_upper, bora::jinja::is_lower)
                              : all_cased(text, bora::jinja::is_lower, bora::jinja::is_upper));
}

template <const NamedFunction* (*find)(std::string_view)>
Value exists(Runtime& rt, const Value& value, const Args& args) {
  const BoundArgs bound(rt, "test", {}, 0, args);
  return Value::boolean(bound.ok() && value.is_string() && find(value.text()) != nullptr);
}

constexpr std::array kTests = {
    NamedFunction{"!=", compares<CompareOp::kNe>},
    NamedFunction{"<", compares<CompareOp::kLt>},
    NamedFunction{"<=", compares<CompareOp::kLe>},
    NamedFunction{"==", compares<CompareOp::kEq>},
    NamedFunction{">", compares<CompareOp::kGt>},
    NamedFunction{">=", compares<CompareOp::kGe>},
    NamedFunction{"boolean", holds<is_boolean>},
    NamedFunction{"callable", holds<is_callable>},
    NamedFunction{"defined", holds<is_defined>},
    NamedFunction{"divisibleby", divisibleby},
    NamedFunction{"eq", compares<CompareOp::kEq>},
    NamedFunction{"equalto", compares<CompareOp::kEq>},
    NamedFunction{"escaped", holds<is_escaped>},
    NamedFunction{"even", parity<0>},
    NamedFunction{"false", holds<is_false_constant>},
    NamedFunction{"filter", exists<find_filter>},
    NamedFunction{"float", holds<is_float>},
    NamedFunction{"ge", compares<CompareOp::kGe>},
    NamedFunction{"greaterthan", compares<CompareOp::kGt>},
    NamedFunction{"gt", compares<CompareOp::kGt>},
    NamedFunction{"in", compares<CompareOp::kIn>},
    NamedFunction{"integer", holds<is_integer>},
    NamedFunction{"iterable", holds<is_iterable>},
    NamedFunction{"le", compares<CompareOp::kLe>},
    NamedFunction{"lessthan", compares<CompareOp::kLt>},
    NamedFunction{"lower", has_case<false>},
    NamedFunction{"lt", compares<CompareOp::kLt>},
    NamedFunction{"mapping", holds<is_mapping>},
    NamedFunction{"ne", compares<CompareOp::kNe>},
    NamedFunction{"none", holds<is_none>},
    NamedFunction{"number", holds<is_number>},
    NamedFunction{"odd", parity<1>},
    NamedFunction{"sameas", sameas},
    NamedFunction{"sequence", holds<is_sequence>},
    NamedFunction{"string", holds<is_string>},
    NamedFunction{"test", exists<find_test>},
    NamedFunction{"true", holds<is_true_constant>},
    NamedFunction{"undefined", holds<is_undefined>},
    NamedFunction{"upper", has_case<true>},
};

}  // namespace

const NamedFunction* find_test(std::string_view name) {
  for (const NamedFunction& test : kTests) {
    if (test.name == name) return &test;
  }
  return nullptr;
}

}  // namespace bora::jinja
