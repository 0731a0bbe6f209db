// The methods of list, tuple, dict and float, and the rules of who may call what.
#include "text/jinja/methods.h"
#include "text/jinja/operators.h"
#include "text/jinja/repr.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace bora::jinja {
namespace {

Value index_method(Runtime& rt, const Value& self, const Args& args) {
  BoundArgs bound(rt, "index", {"", "", ""}, 1, args);
  if (!bound.ok()) return {};
  const std::vector<Value>& items = self.items();
  const auto size = static_cast<int64_t>(items.size());
  const auto resolve = [&](int64_t i) { return i < 0 ? std::max<int64_t>(i + size, 0) : i; };
  const int64_t start = resolve(bound.integer(1, 0));
  const int64_t stop = std::min(resolve(bound.integer(2, size)), size);
  for (int64_t i = start; i < stop && !rt.failed(); ++i) {
    if (equal(rt, items[static_cast<size_t>(i)], bound.at(0))) return Value::integer(i);
  }
  return rt.fail(fmt::format("{} is not in list", repr(rt, bound.at(0))));
}

Value count_method(Runtime& rt, const Value& self, const Args& args) {
  const BoundArgs bound(rt, "count", {""}, 1, args);
  if (!bound.ok()) return {};
  int64_t count = 0;
  for (const Value& item : self.items()) count += equal(rt, item, bound.at(0)) ? 1 : 0;
  return Value::integer(count);
}

// Values do not change, so a copy is the value itself.
Value copy_method(Runtime& rt, const Value& self, const Args& args) {
  const BoundArgs bound(rt, "copy", {}, 0, args);
  return self;
}

Value get_method(Runtime& rt, const Value& self, const Args& args) {
  const BoundArgs bound(rt, "get", {"", ""}, 1, args);
  if (!bound.ok()) return {};
  if (!is_hashable(bound.at(0))) {
    return rt.fail(fmt::format("unhashable type: '{}'", type_name(bound.at(0))));
  }
  rt.charge_bytes(bound.at(0).is_string() ? bound.at(0).text().size() : 0);
  if (const Value* found = self.as_dict().find(bound.at(0))) return *found;
  return bound.has(1) ? bound.at(1) : Value::none();
}

template <DictViewKind kind>
Value view_method(Runtime& rt, const Value& self, const Args& args) {
  const BoundArgs bound(rt, "view", {}, 0, args);
  return bound.ok() ? make_dict_view(self, kind) : Value();
}

Value is_integer_method(Runtime& rt, const Value& self, const Args& args) {
  const BoundArgs bound(rt, "is_integer", {}, 0, args);
  const double value = self.as_double();
  return Value::boolean(std::isfinite(value) && value == std::floor(value));
}

constexpr std::array kListMethods = {NamedFunction{"copy", copy_method},
                                     NamedFunction{"count", count_method},
                                     NamedFunction{"index", index_method}};
constexpr std::array kTupleMethods = {NamedFunction{"count", count_method},
                                      NamedFunction{"index", index_method}};
constexpr std::array kDictMethods = {NamedFunction{"copy", copy_method},
                                     NamedFunction{"get", get_method},
                                     NamedFunction{"items", view_method<DictViewKind::kItems>},
                                     NamedFunction{"keys", view_method<DictViewKind::kKeys>},
                                     NamedFunction{"values", view_method<DictViewKind::kValues>}};
constexpr std::array kFloatMethods = {NamedFunction{"is_integer", is_integer_method}};

constexpr std::array<std::string_view, 8> kListMutators = {"append", "clear",  "extend",  "insert",
                                                           "pop",    "remove", "reverse", "sort"};
constexpr std::array<std::string_view, 5> kDictMutators = {"clear", "pop", "popitem", "setdefault",
                                                           "update"};

std::span<const NamedFunction> methods_of(const Value& object) {
  switch (object.kind()) {
    case Kind::kString:
      return string_methods();
    case Kind::kList:
      return list_methods();
    case Kind::kTuple:
      return tuple_methods();
    case Kind::kDict:
      return dict_methods();
    case Kind::kFloat:
      return float_methods();
    case Kind::kUndefined:
    case Kind::kNone:
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kDictView:
    case Kind::kRange:
    case Kind::kIterator:
    case Kind::kObject:
      break;
  }
  return {};
}

template <size_t N>
bool among(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::span<const NamedFunction> list_methods() { return kListMethods; }
std::span<const NamedFunction> tuple_methods() { return kTupleMethods; }
std::span<const NamedFunction> dict_methods() { return kDictMethods; }
std::span<const NamedFunction> float_methods() { return kFloatMethods; }

std::optional<Value> find_method(Runtime& rt, const Value& object, std::string_view name) {
  if (object.is_group() && name == "grouper") return object.items()[0];
  if (object.is_group() && name == "list") return object.items()[1];
  for (const NamedFunction& method : methods_of(object)) {
    if (method.name == name) return make_function(rt, method.name, method.function, object);
  }
  return std::nullopt;
}

Value make_dict_view(const Value& dict, DictViewKind kind) {
  auto view = std::make_shared<DictViewBox>();
  view->depth = dict.depth();
  view->dict = std::static_pointer_cast<const Dict>(std::shared_ptr<const Boxed>(dict.box()));
  view->kind = kind;
  return Value::dict_view(std::move(view));
}

bool is_unsafe_attribute(const Value& object, std::string_view name) {
  if (object.kind() == Kind::kList) return among(kListMutators, name);
  return object.is_dict() && among(kDictMutators, name);
}

}  // namespace bora::jinja
