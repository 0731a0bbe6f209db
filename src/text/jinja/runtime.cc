#include "text/jinja/runtime.h"

#include "text/jinja/operators.h"
#include "text/jinja/unicode.h"

#include <fmt/format.h>

#include <algorithm>

namespace bora::jinja {
namespace {

constexpr uint64_t kBoxBytes = 128;  // what a short string takes of memory, about

class Function final : public Object {
 public:
  Function(std::string_view name, NativeFunction function, Value self)
      : name_(name), function_(function), self_(std::move(self)) {
    depth = self_.is_undefined() ? 0 : self_.depth() + 1;
  }
  [[nodiscard]] std::string_view type_name() const override {
    return self_.is_undefined() ? "function" : "builtin_function_or_method";
  }
  [[nodiscard]] std::string repr(Runtime&) override {
    if (self_.is_undefined()) return fmt::format("<function {}>", name_);
    return fmt::format("<built-in method {} of {} object>", name_, jinja::type_name(self_));
  }
  [[nodiscard]] bool callable() const override { return true; }
  Value call(Runtime& rt, const Args& args) override { return function_(rt, self_, args); }

 private:
  std::string_view name_;
  NativeFunction function_;
  Value self_;
};

}  // namespace

const Value* Args::find(std::string_view name) const {
  for (const auto& [key, value] : named) {
    if (key == name) return &value;
  }
  return nullptr;
}

Value Runtime::fail(std::string message) {
  if (!failed_) {
    failed_ = true;
    message_ = std::move(message);
    error_line_ = line_;
  }
  return {};
}

bool Runtime::charge(uint64_t steps) {
  if (failed_) return false;
  if (steps > kMaxSteps - steps_) {
    fail(fmt::format("the template takes more than {} steps (limit kMaxSteps)", kMaxSteps));
    return false;
  }
  steps_ += steps;
  return true;
}

bool Runtime::allow_string(uint64_t bytes) {
  if (bytes > kMaxStringBytes) {
    fail(fmt::format("a string of more than {} bytes (limit kMaxStringBytes)", kMaxStringBytes));
    return false;
  }
  return charge_bytes(bytes + kBoxBytes);
}

bool Runtime::allow_items(uint64_t items) {
  if (items > kMaxListItems) {
    fail(fmt::format("a list of more than {} items (limit kMaxListItems)", kMaxListItems));
    return false;
  }
  return charge(1 + items);
}

Value Runtime::string(std::string text, bool markup) {
  if (!allow_string(text.size())) return {};
  return Value::string(std::move(text), markup);
}

Value Runtime::checked(Value value) {
  if (value.depth() <= kMaxValueDepth) return value;
  return fail(fmt::format("values nest deeper than {} (limit kMaxValueDepth)", kMaxValueDepth));
}

bool Runtime::set_entry(Dict& dict, const Value& key, const Value& value) {
  if (!is_hashable(key)) {
    fail(fmt::format("unhashable type: '{}'", type_name(key)));
    return false;
  }
  if (!charge_bytes(key.is_string() ? key.text().size() : 0)) return false;
  dict.set(key, value);
  return true;
}

Runtime::~Runtime() {
  for (const auto& release : pins_) release();
}

Runtime::Descent::Descent(Runtime& rt) : rt_(rt), ok_(++rt.depth_ <= kMaxEvalDepth) {
  if (!ok_) {
    rt.fail(fmt::format("recursion deeper than {} (limit kMaxEvalDepth)", kMaxEvalDepth));
  }
  ok_ = ok_ && !rt.failed();
}

BoundArgs::BoundArgs(Runtime& rt, std::string_view function,
                     std::initializer_list<std::string_view> names, size_t required,
                     const Args& args)
    : rt_(rt), function_(function), values_(names.size()) {
  bind(names, args);
  for (size_t i = 0; ok_ && i < required; ++i) {
    if (!values_[i]) refuse(fmt::format("missing required argument: '{}'", *(names.begin() + i)));
  }
}

void BoundArgs::refuse(std::string_view what) {
  rt_.fail(fmt::format("{}() {}", function_, what));
  ok_ = false;
}

void BoundArgs::bind(std::initializer_list<std::string_view> names, const Args& args) {
  if (args.positional.size() > names.size()) {
    refuse(
        fmt::format("takes at most {} arguments ({} given)", names.size(), args.positional.size()));
    return;
  }
  std::copy(args.positional.begin(), args.positional.end(), values_.begin());
  for (const auto& [key, value] : args.named) {
    const auto* found = std::find(names.begin(), names.end(), key);
    if (found == names.end() || key.empty()) {
      refuse(fmt::format("got an unexpected keyword argument '{}'", key));
      return;
    }
    auto& slot = values_[static_cast<size_t>(found - names.begin())];
    if (slot) {
      refuse(fmt::format("got multiple values for argument '{}'", key));
      return;
    }
    slot = value;
  }
}

const Value& BoundArgs::at(size_t i) const {
  static const Value missing = Value();
  return values_[i] ? *values_[i] : missing;
}

int64_t BoundArgs::integer(size_t i, int64_t fallback) {
  if (!has(i)) return fallback;
  if (at(i).is_integral()) return at(i).as_int();
  rt_.fail(
      fmt::format("{}() expected an integer argument, found '{}'", function_, type_name(at(i))));
  return fallback;
}

bool BoundArgs::truth(size_t i, bool fallback) { return has(i) ? is_true(at(i)) : fallback; }

std::string BoundArgs::text(size_t i, std::string_view fallback) {
  if (!has(i)) return std::string(fallback);
  if (at(i).is_string()) return at(i).text();
  rt_.fail(fmt::format("{}() expected a string argument, found '{}'", function_, type_name(at(i))));
  return std::string(fallback);
}

Value make_function(Runtime& rt, std::string_view name, NativeFunction function, Value self) {
  return rt.object(std::make_shared<Function>(name, function, std::move(self)));
}

bool is_iterable(const Value& value) {
  switch (value.kind()) {
    case Kind::kNone:
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kFloat:
    case Kind::kObject:
      return false;
    case Kind::kUndefined:
    case Kind::kString:
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kDict:
    case Kind::kDictView:
    case Kind::kRange:
    case Kind::kIterator:
      return true;
  }
  return false;
}

ValueIterator::ValueIterator(Runtime& rt, const Value& iterable) : rt_(rt), source_(iterable) {
  if (is_iterable(iterable)) return;
  rt.fail(fmt::format("'{}' object is not iterable", type_name(iterable)));
  source_ = Value();
}

bool ValueIterator::next(Value& item) {
  if (remaining() == 0 || !rt_.charge()) return false;
  const size_t i = read_++;
  switch (source_.kind()) {
    case Kind::kString: {
      const size_t begin = at_;
      next_code_point(source_.text(), at_);
      item = rt_.string(source_.text().substr(begin, at_ - begin), source_.is_markup());
      return !rt_.failed();
    }
    case Kind::kList:
    case Kind::kTuple:
      item = source_.items()[i];
      return true;
    case Kind::kDict:
      item = source_.as_dict().entries()[i].first;
      return true;
    case Kind::kDictView: {
      const DictViewBox& view = source_.as_dict_view();
      const Dict::Entry& entry = view.dict->entries()[i];
      if (view.kind == DictViewKind::kItems) {
        item = Value::tuple({entry.first, entry.second});
      } else {
        item = view.kind == DictViewKind::kKeys ? entry.first : entry.second;
      }
      return true;
    }
    case Kind::kRange: {
      const RangeBox& range = source_.as_range();
      item = Value::integer(range.start + static_cast<int64_t>(i) * range.step);
      return true;
    }
    case Kind::kIterator: {
      IteratorBox& iterator = source_.as_iterator();
      item = iterator.items[iterator.next++];
      return true;
    }
    case Kind::kUndefined:
    case Kind::kNone:
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kFloat:
    case Kind::kObject:
      return false;
  }
  return false;
}

size_t ValueIterator::remaining() const {
  switch (source_.kind()) {
    case Kind::kString:
      return source_.as_string().length - read_;
    case Kind::kList:
    case Kind::kTuple:
      return source_.items().size() - read_;
    case Kind::kDict:
      return source_.as_dict().size() - read_;
    case Kind::kDictView:
      return source_.as_dict_view().dict->size() - read_;
    case Kind::kRange:
      return static_cast<size_t>(source_.as_range().size) - read_;
    case Kind::kIterator:
      return source_.as_iterator().items.size() - source_.as_iterator().next;
    case Kind::kUndefined:
    case Kind::kNone:
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kFloat:
    case Kind::kObject:
      return 0;
  }
  return 0;
}

std::vector<Value> items_of(Runtime& rt, const Value& iterable) {
  std::vector<Value> items;
  ValueIterator iterator(rt, iterable);
  if (!rt.allow_items(iterator.remaining())) return items;
  items.reserve(iterator.remaining());
  for (Value item; iterator.next(item);) items.push_back(item);
  return items;
}

}  // namespace bora::jinja
