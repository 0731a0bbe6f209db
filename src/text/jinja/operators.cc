#include "text/jinja/operators.h"

#include "text/jinja/methods.h"
#include "text/jinja/repr.h"
#include "text/jinja/unicode.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace bora::jinja {
namespace {

constexpr std::string_view symbol(CompareOp op) {
  switch (op) {
    case CompareOp::kEq:
      return "==";
    case CompareOp::kNe:
      return "!=";
    case CompareOp::kLt:
      return "<";
    case CompareOp::kLe:
      return "<=";
    case CompareOp::kGt:
      return ">";
    case CompareOp::kGe:
      return ">=";
    case CompareOp::kIn:
      return "in";
    case CompareOp::kNotIn:
      return "not in";
  }
  return "";
}

enum class Order : uint8_t { kLess, kEqual, kGreater, kUnordered };

Order order_numbers(const Value& a, const Value& b) {
  if (a.is_integral() && b.is_integral()) {
    return a.as_int() < b.as_int()    ? Order::kLess
           : a.as_int() == b.as_int() ? Order::kEqual
                                      : Order::kGreater;
  }
  // long double holds every int64 and every double.
  const auto wide = [](const Value& v) {
    return v.is_float() ? static_cast<long double>(v.as_double())
                        : static_cast<long double>(v.as_int());
  };
  const long double x = wide(a);
  const long double y = wide(b);
  if (x < y) return Order::kLess;
  if (x > y) return Order::kGreater;
  return x == y ? Order::kEqual : Order::kUnordered;
}

bool holds(CompareOp op, Order order) {
  switch (op) {
    case CompareOp::kLt:
      return order == Order::kLess;
    case CompareOp::kLe:
      return order == Order::kLess || order == Order::kEqual;
    case CompareOp::kGt:
      return order == Order::kGreater;
    case CompareOp::kGe:
      return order == Order::kGreater || order == Order::kEqual;
    case CompareOp::kEq:
    case CompareOp::kNe:
    case CompareOp::kIn:
    case CompareOp::kNotIn:
      break;
  }
  return false;
}

bool equal_items(Runtime& rt, const std::vector<Value>& a, const std::vector<Value>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!equal(rt, a[i], b[i])) return false;
  }
  return true;
}

bool equal_dicts(Runtime& rt, const Dict& a, const Dict& b) {
  if (a.size() != b.size()) return false;
  for (const auto& [key, value] : a.entries()) {
    const Value* other = b.find(key);
    if (other == nullptr || !equal(rt, value, *other)) return false;
  }
  return true;
}

bool equal_views(Runtime& rt, const DictViewBox& a, const DictViewBox& b) {
  if (a.kind != b.kind || a.kind == DictViewKind::kValues) return &a == &b;
  if (a.kind == DictViewKind::kItems) return equal_dicts(rt, *a.dict, *b.dict);
  if (a.dict->size() != b.dict->size()) return false;
  return std::all_of(
      a.dict->entries().begin(), a.dict->entries().end(),
      [&](const Dict::Entry& entry) { return b.dict->find(entry.first) != nullptr; });
}

bool equal_ranges(const RangeBox& a, const RangeBox& b) {
  if (a.size != b.size) return false;
  return a.size == 0 || (a.start == b.start && (a.size == 1 || a.step == b.step));
}

bool compare_sequences(Runtime& rt, CompareOp op, const std::vector<Value>& a,
                       const std::vector<Value>& b) {
  const size_t common = std::min(a.size(), b.size());
  for (size_t i = 0; i < common; ++i) {
    if (!equal(rt, a[i], b[i])) return !rt.failed() && compare(rt, op, a[i], b[i]);
  }
  return holds(op, a.size() < b.size()    ? Order::kLess
                   : a.size() == b.size() ? Order::kEqual
                                          : Order::kGreater);
}

// The index as Python counts: from the end where negative. Nothing when out of range.
std::optional<size_t> element_index(int64_t index, size_t size) {
  const auto count = static_cast<int64_t>(size);
  if (index < 0) index += count;
  if (index < 0 || index >= count) return std::nullopt;
  return static_cast<size_t>(index);
}

Value character_at(Runtime& rt, const StringBox& string, size_t index) {
  if (!string.ascii()) rt.charge_bytes(string.text.size());
  size_t begin = string.ascii() ? index : offset_of(string.text, index);
  size_t end = begin;
  next_code_point(string.text, end);
  return Value::string(string.text.substr(begin, end - begin), string.markup);
}

// The subscription of Python alone: nothing where it raises TypeError or LookupError.
std::optional<Value> subscript(Runtime& rt, const Value& object, const Value& key) {
  if (object.is_dict()) {
    if (!is_hashable(key)) return std::nullopt;
    rt.charge_bytes(key.is_string() ? key.text().size() : 0);
    const Value* found = object.as_dict().find(key);
    return found != nullptr ? std::optional<Value>(*found) : std::nullopt;
  }
  if (!key.is_integral()) return std::nullopt;
  if (object.is_sequence()) {
    const auto index = element_index(key.as_int(), object.items().size());
    return index ? std::optional<Value>(object.items()[*index]) : std::nullopt;
  }
  if (object.is_string()) {
    const auto index = element_index(key.as_int(), object.as_string().length);
    return index ? std::optional<Value>(character_at(rt, object.as_string(), *index))
                 : std::nullopt;
  }
  if (object.kind() == Kind::kRange) {
    const RangeBox& range = object.as_range();
    const auto index = element_index(key.as_int(), static_cast<size_t>(range.size));
    if (!index) return std::nullopt;
    return Value::integer(range.start + static_cast<int64_t>(*index) * range.step);
  }
  return std::nullopt;
}

std::string described(const Value& object) {
  if (object.is_none()) return "None";
  return std::string(type_name(object)) + " object";
}

Value no_attribute(const Value& object, std::string_view name) {
  return Value::undefined(fmt::format("'{}' has no attribute {}", described(object), quoted(name)));
}

}  // namespace

bool is_true(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return false;
    case Kind::kBool:
      return value.as_bool();
    case Kind::kInt:
      return value.as_int() != 0;
    case Kind::kFloat:
      return value.as_double() != 0.0;
    case Kind::kString:
      return !value.text().empty();
    case Kind::kList:
    case Kind::kTuple:
      return !value.items().empty();
    case Kind::kDict:
      return value.as_dict().size() != 0;
    case Kind::kDictView:
      return value.as_dict_view().dict->size() != 0;
    case Kind::kRange:
      return value.as_range().size != 0;
    case Kind::kIterator:
    case Kind::kObject:
      return true;
  }
  return false;
}

bool equal(Runtime& rt, const Value& a, const Value& b) {
  const Runtime::Descent descent(rt);
  if (!descent.ok() || !rt.charge()) return false;
  if (a.is_number() && b.is_number()) return order_numbers(a, b) == Order::kEqual;
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return true;
    case Kind::kString:
      return a.text().size() == b.text().size() && rt.charge_bytes(a.text().size()) &&
             a.text() == b.text();
    case Kind::kList:
    case Kind::kTuple:
      return equal_items(rt, a.items(), b.items());
    case Kind::kDict:
      return equal_dicts(rt, a.as_dict(), b.as_dict());
    case Kind::kDictView:
      return equal_views(rt, a.as_dict_view(), b.as_dict_view());
    case Kind::kRange:
      return equal_ranges(a.as_range(), b.as_range());
    case Kind::kIterator:
    case Kind::kObject:
      return a.box() == b.box();
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kFloat:
      break;
  }
  return false;
}

bool compare(Runtime& rt, CompareOp op, const Value& a, const Value& b) {
  if (op == CompareOp::kEq) return equal(rt, a, b);
  if (op == CompareOp::kNe) return !equal(rt, a, b);
  if (op == CompareOp::kIn) return contains(rt, b, a);
  if (op == CompareOp::kNotIn) return !contains(rt, b, a);
  const Runtime::Descent descent(rt);
  if (!descent.ok() || !rt.charge()) return false;
  if (a.is_number() && b.is_number()) return holds(op, order_numbers(a, b));
  if (a.is_string() && b.is_string()) {
    rt.charge_bytes(std::min(a.text().size(), b.text().size()));
    // UTF-8 orders as code points do.
    const int sign = a.text().compare(b.text());
    return holds(op, sign < 0 ? Order::kLess : sign == 0 ? Order::kEqual : Order::kGreater);
  }
  if (a.is_sequence() && a.kind() == b.kind())
    return compare_sequences(rt, op, a.items(), b.items());
  if (a.is_undefined() || b.is_undefined()) {
    rt.fail_undefined(a.is_undefined() ? a : b);
    return false;
  }
  rt.fail(fmt::format("'{}' not supported between instances of '{}' and '{}'", symbol(op),
                      type_name(a), type_name(b)));
  return false;
}

bool contains(Runtime& rt, const Value& container, const Value& item) {
  if (container.is_string()) {
    if (!item.is_string()) {
      if (item.is_undefined()) {
        rt.fail_undefined(item);
        return false;
      }
      rt.fail(
          fmt::format("'in <string>' requires string as left operand, not {}", type_name(item)));
      return false;
    }
    return rt.charge_bytes(container.text().size()) &&
           find_text(container.text(), item.text()) != std::string_view::npos;
  }
  const bool keys =
      container.kind() == Kind::kDictView && container.as_dict_view().kind == DictViewKind::kKeys;
  if (container.is_dict() || keys) {
    if (!is_hashable(item)) {
      rt.fail(fmt::format("unhashable type: '{}'", type_name(item)));
      return false;
    }
    rt.charge_bytes(item.is_string() ? item.text().size() : 0);
    return (keys ? *container.as_dict_view().dict : container.as_dict()).find(item) != nullptr;
  }
  if (!is_iterable(container)) {
    rt.fail(fmt::format("argument of type '{}' is not iterable", type_name(container)));
    return false;
  }
  ValueIterator iterator(rt, container);
  for (Value element; iterator.next(element);) {
    if (equal(rt, element, item)) return true;
  }
  return false;
}

std::optional<size_t> length_of(Runtime& rt, const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return 0;
    case Kind::kString:
      return value.as_string().length;
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kDict:
    case Kind::kDictView:
    case Kind::kRange:
      return ValueIterator(rt, value).remaining();
    case Kind::kNone:
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kFloat:
    case Kind::kIterator:
      break;
    case Kind::kObject:
      if (const auto length = value.as_object().length(rt)) return length;
      break;
  }
  rt.fail(fmt::format("object of type '{}' has no len()", type_name(value)));
  return std::nullopt;
}

std::optional<Value> find_attribute(Runtime& rt, const Value& object, std::string_view name) {
  if (object.kind() == Kind::kObject) return object.as_object().attribute(rt, name, object);
  if (is_unsafe_attribute(object, name)) {
    return Value::undefined(fmt::format("access to attribute {} of '{}' object is unsafe.",
                                        quoted(name), type_name(object)));
  }
  return find_method(rt, object, name);
}

Value get_item(Runtime& rt, const Value& object, const Value& key) {
  if (object.is_undefined()) return rt.fail_undefined(object);
  if (auto value = subscript(rt, object, key)) return *value;
  if (key.is_string()) {
    if (auto value = find_attribute(rt, object, key.text())) return *value;
    return no_attribute(object, key.text());
  }
  return Value::undefined(fmt::format("{} has no element {}", described(object), repr(rt, key)));
}

Value get_attribute(Runtime& rt, const Value& object, std::string_view name) {
  if (object.is_undefined()) return rt.fail_undefined(object);
  if (auto value = find_attribute(rt, object, name)) return *value;
  if (object.is_dict()) {
    if (const Value* found = object.as_dict().find(name)) return *found;
  }
  return no_attribute(object, name);
}

Value call(Runtime& rt, const Value& callee, const Args& args) {
  if (callee.is_undefined()) return rt.fail_undefined(callee);
  const Runtime::Descent descent(rt);
  if (!descent.ok()) return {};
  if (callee.kind() == Kind::kObject) return callee.as_object().call(rt, args);
  return rt.fail(fmt::format("'{}' object is not callable", type_name(callee)));
}

}  // namespace bora::jinja
