// Python's operators over Values: truth, comparison, arithmetic, subscription, attributes. What
// Python raises, these report through the Runtime (first failure wins) and then return undefined or
// false.
#pragma once

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

#include <optional>
#include <string_view>

namespace bora::jinja {

enum class BinaryOp : uint8_t { kAdd, kSub, kMul, kDiv, kFloorDiv, kMod, kPow };
enum class CompareOp : uint8_t { kEq, kNe, kLt, kLe, kGt, kGe, kIn, kNotIn };

bool is_true(const Value& value);
bool equal(Runtime& rt, const Value& a, const Value& b);
bool compare(Runtime& rt, CompareOp op, const Value& a, const Value& b);
bool contains(Runtime& rt, const Value& container, const Value& item);
// len(); nothing, having failed, where there is none.
std::optional<size_t> length_of(Runtime& rt, const Value& value);

Value arithmetic(Runtime& rt, BinaryOp op, const Value& a, const Value& b);
Value negate(Runtime& rt, const Value& value);
Value plus(Runtime& rt, const Value& value);

// `object[key]` and `object.name`, with jinja2's fallbacks from one to the other.
Value get_item(Runtime& rt, const Value& object, const Value& key);
Value get_attribute(Runtime& rt, const Value& object, std::string_view name);
// The Python attribute alone (a method, a namespace's entry), or nothing.
std::optional<Value> find_attribute(Runtime& rt, const Value& object, std::string_view name);
// `object[start:stop:step]`; none or undefined bounds are open.
Value get_slice(Runtime& rt, const Value& object, const Value& start, const Value& stop,
                const Value& step);

Value call(Runtime& rt, const Value& callee, const Args& args);

}  // namespace bora::jinja
