// Filters that apply other filters, tests or attributes to each item.
#include "text/jinja/builtins.h"
#include "text/jinja/filter_support.h"
#include "text/jinja/operators.h"
#include "text/jinja/repr.h"

#include <fmt/format.h>

#include <array>

namespace bora::jinja {
namespace {

Value attr_filter(Runtime& rt, const Value& input, const Args& args) {
  BoundArgs bound(rt, "attr", {"name"}, 1, args);
  if (!bound.ok()) return {};
  const std::string name = bound.text(0, "");
  if (rt.failed()) return {};
  if (input.is_undefined()) return rt.fail_undefined(input);
  if (const auto value = find_attribute(rt, input, name)) return *value;
  return Value::undefined(
      fmt::format("'{} object' has no attribute {}", type_name(input), quoted(name)));
}

Value default_filter(Runtime& rt, const Value& input, const Args& args) {
  BoundArgs bound(rt, "default", {"default_value", "boolean"}, 0, args);
  if (!bound.ok()) return {};
  const bool replace = input.is_undefined() || (bound.truth(1, false) && !is_true(input));
  if (!replace) return input;
  return bound.has(0) ? bound.at(0) : Value::string("");
}

// The arguments behind the first `count`.
Args without_first(const Args& args, size_t count) {
  return {{args.positional.begin() + static_cast<ptrdiff_t>(count), args.positional.end()},
          args.named};
}

// The filter or test that `name` names; null, having failed, where there is none.
const NamedFunction* named(Runtime& rt, const Value& name, const char* what,
                           const NamedFunction* (*find)(std::string_view)) {
  const NamedFunction* function = name.is_string() ? find(name.text()) : nullptr;
  if (function == nullptr) rt.fail(fmt::format("No {} named {}.", what, repr(rt, name)));
  return function;
}

Value map_attribute(Runtime& rt, const Value& input, const Args& args) {
  const Value* fallback = args.find("default");
  for (const auto& [name, value] : args.named) {
    if (name != "attribute" && name != "default") {
      return rt.fail(fmt::format("Unexpected keyword argument {}", quoted(name)));
    }
  }
  if (fallback != nullptr && fallback->is_none()) fallback = nullptr;
  const AttributePath path(rt, *args.find("attribute"));
  std::vector<Value> out;
  ValueIterator iterator(rt, input);
  for (Value item; iterator.next(item);) out.push_back(path.get(rt, item, fallback));
  return rt.iterator(std::move(out), "generator");
}

Value map_filter(Runtime& rt, const Value& input, const Args& args) {
  if (!is_true(input)) return rt.iterator({}, "generator");
  if (args.positional.empty() && args.find("attribute") != nullptr) {
    return map_attribute(rt, input, args);
  }
  if (args.positional.empty()) return rt.fail("map requires a filter argument");
  const NamedFunction* filter = named(rt, args.positional[0], "filter", find_filter);
  if (filter == nullptr) return {};
  const Runtime::Descent descent(rt);  // map may map map
  const Args rest = without_first(args, 1);
  std::vector<Value> out;
  ValueIterator iterator(rt, input);
  for (Value item; descent.ok() && iterator.next(item);) {
    out.push_back(filter->function(rt, item, rest));
  }
  return rt.iterator(std::move(out), "generator");
}

template <bool wanted, bool by_attribute>
Value select_filter(Runtime& rt, const Value& input, const Args& args) {
  if (!is_true(input)) return rt.iterator({}, "generator");
  const size_t offset = by_attribute ? 1 : 0;
  if (args.positional.size() < offset) return rt.fail("Missing parameter for attribute name");
  const AttributePath path(rt, by_attribute ? args.positional[0] : Value::none());
  const NamedFunction* test = nullptr;
  Args rest;
  if (args.positional.size() > offset) {
    test = named(rt, args.positional[offset], "test", find_test);
    rest = without_first(args, offset + 1);
  }
  std::vector<Value> out;
  ValueIterator iterator(rt, input);
  for (Value item; iterator.next(item);) {
    const Value subject = path.get(rt, item);
    if (rt.failed()) break;
    const bool passes = is_true(test != nullptr ? test->function(rt, subject, rest) : subject);
    if (passes == wanted) out.push_back(item);
  }
  return rt.iterator(std::move(out), "generator");
}

constexpr std::array kFilters = {
    NamedFunction{"attr", attr_filter},
    NamedFunction{"d", default_filter},
    NamedFunction{"default", default_filter},
    NamedFunction{"map", map_filter},
    NamedFunction{"reject", select_filter<false, false>},
    NamedFunction{"rejectattr", select_filter<false, true>},
    NamedFunction{"select", select_filter<true, false>},
    NamedFunction{"selectattr", select_filter<true, true>},
};

}  // namespace

std::span<const NamedFunction> selection_filters() { return kFilters; }

const NamedFunction* find_filter(std::string_view name) {
  for (const auto table : {text_filters(), markup_filters(), sequence_filters(),
                           selection_filters(), number_filters()}) {
    for (const NamedFunction& filter : table) {
      if (filter.name == name) return &filter;
    }
  }
  return nullptr;
}

}  // namespace bora::jinja
