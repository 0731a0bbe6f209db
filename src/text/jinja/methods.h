// The methods of Python's str, list, tuple, dict and numbers that templates may call.
#pragma once

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

#include <optional>
#include <span>
#include <string_view>

namespace bora::jinja {

std::span<const NamedFunction> string_methods();
std::span<const NamedFunction> list_methods();
std::span<const NamedFunction> tuple_methods();
std::span<const NamedFunction> dict_methods();
std::span<const NamedFunction> float_methods();

// The method bound to `object`, or nothing. Object (value.h) answers for itself, not here.
std::optional<Value> find_method(Runtime& rt, const Value& object, std::string_view name);

// What dict.keys(), .values() and .items() give. Precondition: dict.is_dict().
Value make_dict_view(const Value& dict, DictViewKind kind);

// Whether the name is a method that changes a list or dict: jinja2's immutable sandbox hides those.
bool is_unsafe_attribute(const Value& object, std::string_view name);

}  // namespace bora::jinja
