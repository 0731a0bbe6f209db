// The global functions, and the objects that they make.
#include "text/jinja/builtins.h"
#include "text/jinja/namespace_object.h"
#include "text/jinja/operators.h"
#include "text/jinja/repr.h"
#include "text/jinja/strftime.h"

#include <fmt/format.h>

#include <array>
#include <memory>

namespace bora::jinja {
namespace {

class CyclerObject final : public Object {
 public:
  explicit CyclerObject(std::vector<Value> items) : items_(Value::list(std::move(items))) {
    depth = items_.depth() + 1;
  }
  [[nodiscard]] std::string_view type_name() const override { return "Cycler"; }
  [[nodiscard]] std::string repr(Runtime&) override { return "<Cycler object>"; }

  std::optional<Value> attribute(Runtime& rt, std::string_view name, const Value& self) override {
    if (name == "current") return items_.items()[at_];
    if (name == "items") return Value::tuple(items_.items());
    if (name == "pos") return Value::integer(static_cast<int64_t>(at_));
    if (name == "next") return make_function(rt, "next", next, self);
    if (name == "reset") return make_function(rt, "reset", reset, self);
    return std::nullopt;
  }

 private:
  static Value next(Runtime& rt, const Value& self, const Args& args) {
    const BoundArgs bound(rt, "next", {}, 0, args);
    CyclerObject& cycler = *object_as<CyclerObject>(self);
    const std::vector<Value>& items = cycler.items_.items();
    Value current = items[cycler.at_];
    cycler.at_ = (cycler.at_ + 1) % items.size();
    return current;
  }
  static Value reset(Runtime& rt, const Value& self, const Args& args) {
    const BoundArgs bound(rt, "reset", {}, 0, args);
    object_as<CyclerObject>(self)->at_ = 0;
    return Value::none();
  }

  Value items_;
  size_t at_ = 0;
};

class JoinerObject final : public Object {
 public:
  explicit JoinerObject(Value separator) : separator_(std::move(separator)) {
    depth = separator_.depth() + 1;
  }
  [[nodiscard]] std::string_view type_name() const override { return "Joiner"; }
  [[nodiscard]] std::string repr(Runtime&) override { return "<Joiner object>"; }
  [[nodiscard]] bool callable() const override { return true; }
  Value call(Runtime& rt, const Args& args) override {
    const BoundArgs bound(rt, "joiner", {}, 0, args);
    if (used_) return separator_;
    used_ = true;
    return Value::string("");
  }

 private:
  Value separator_;
  bool used_ = false;
};

// dict(mapping or pairs, **entries), which namespace() takes as well.
std::shared_ptr<Dict> read_dict(Runtime& rt, std::string_view function, const Args& args) {
  auto dict = std::make_shared<Dict>();
  if (args.positional.size() > 1) {
    rt.fail(
        fmt::format("{} expected at most 1 argument, got {}", function, args.positional.size()));
    return dict;
  }
  if (!args.positional.empty() && args.positional[0].is_dict()) {
    for (const auto& [key, value] : args.positional[0].as_dict().entries()) {
      if (!rt.set_entry(*dict, key, value)) return dict;
    }
  } else if (!args.positional.empty()) {
    ValueIterator iterator(rt, args.positional[0]);
    for (Value item; iterator.next(item);) {
      const std::vector<Value> pair = items_of(rt, item);
      if (pair.size() != 2) {
        rt.fail(
            fmt::format("{} expected pairs, found an item of length {}", function, pair.size()));
        return dict;
      }
      if (!rt.set_entry(*dict, pair[0], pair[1])) return dict;
    }
  }
  for (const auto& [name, value] : args.named) dict->set(name, value);
  return dict;
}

Value dict_global(Runtime& rt, const Value&, const Args& args) {
  auto dict = read_dict(rt, "dict", args);
  return rt.failed() ? Value() : rt.dict(std::move(dict));
}

Value namespace_global(Runtime& rt, const Value&, const Args& args) {
  const auto dict = read_dict(rt, "namespace", args);
  return rt.failed() ? Value() : NamespaceObject::make(rt, dict);
}

Value range_global(Runtime& rt, const Value&, const Args& args) {
  BoundArgs bound(rt, "range", {"", "", ""}, 1, args);
  if (!bound.ok()) return {};
  const bool one = !bound.has(1);
  const int64_t start = one ? 0 : bound.integer(0, 0);
  const int64_t stop = bound.integer(one ? 0 : 1, 0);
  const int64_t step = bound.integer(2, 1);
  if (rt.failed()) return {};
  if (step == 0) return rt.fail("range() arg 3 must not be zero");
  Value range = Value::range(start, stop, step);
  if (range.as_range().size > kMaxRange) {
    return rt.fail(fmt::format(
        "Range too big. The sandbox blocks ranges larger than MAX_RANGE ({}).", kMaxRange));
  }
  return range;
}

Value cycler_global(Runtime& rt, const Value&, const Args& args) {
  if (!args.named.empty()) return rt.fail("cycler() takes no keyword arguments");
  if (args.positional.empty()) return rt.fail("at least one item has to be provided");
  return rt.object(std::make_shared<CyclerObject>(args.positional));
}

Value joiner_global(Runtime& rt, const Value&, const Args& args) {
  const BoundArgs bound(rt, "joiner", {"sep"}, 0, args);
  if (!bound.ok()) return {};
  return rt.object(
      std::make_shared<JoinerObject>(bound.has(0) ? bound.at(0) : Value::string(", ")));
}

Value lipsum_global(Runtime& rt, const Value&, const Args&) {
  return rt.fail(
      "the function 'lipsum' is not supported: a chat template renders the same each time");
}

Value raise_exception_global(Runtime& rt, const Value&, const Args& args) {
  const BoundArgs bound(rt, "raise_exception", {"message"}, 1, args);
  return bound.ok() ? rt.fail(to_text(rt, bound.at(0))) : Value();
}

Value strftime_now_global(Runtime& rt, const Value&, const Args& args) {
  BoundArgs bound(rt, "strftime_now", {"format"}, 1, args);
  if (!bound.ok()) return {};
  const std::string format = bound.text(0, "");
  return rt.failed() ? Value() : rt.string(format_date_time(rt, rt.now(), format));
}

constexpr std::array kGlobals = {
    NamedFunction{"cycler", cycler_global},
    NamedFunction{"dict", dict_global},
    NamedFunction{"joiner", joiner_global},
    NamedFunction{"lipsum", lipsum_global},
    NamedFunction{"namespace", namespace_global},
    NamedFunction{"raise_exception", raise_exception_global},
    NamedFunction{"range", range_global},
    NamedFunction{"strftime_now", strftime_now_global},
};

}  // namespace

std::span<const NamedFunction> global_functions() { return kGlobals; }

Value NamespaceObject::make(Runtime& rt, const std::shared_ptr<Dict>& attributes) {
  auto object = std::make_shared<NamespaceObject>();
  object->attributes_ = attributes;
  rt.pin(object);
  return Value::object(std::move(object));
}

void NamespaceObject::set(Runtime& rt, std::string_view name, const Value& value) {
  if (rt.charge_bytes(name.size())) attributes_->set(name, value);
}

std::string NamespaceObject::repr(Runtime& rt) {
  const Runtime::Descent descent(rt);
  if (!descent.ok()) return {};
  return fmt::format("<Namespace {}>", jinja::repr(rt, Value::dict(attributes_)));
}

std::optional<Value> NamespaceObject::attribute(Runtime&, std::string_view name, const Value&) {
  const Value* found = attributes_->find(name);
  return found != nullptr ? std::optional<Value>(*found) : std::nullopt;
}

}  // namespace bora::jinja
