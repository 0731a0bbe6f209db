#include "text/jinja/value.h"

#include "text/jinja/runtime.h"
#include "text/jinja/unicode.h"

#include <algorithm>
#include <cmath>

namespace bora::jinja {
namespace {

constexpr size_t kIndexFrom = 8;  // entries; fewer are found faster by looking at each

int depth_over(const std::vector<Value>& items) {
  int depth = 0;
  for (const Value& item : items) depth = std::max(depth, item.depth());
  return depth + 1;
}

// The rank of a kind among keys: numbers compare with numbers, everything else with its own kind.
int key_rank(const Value& value) { return value.is_number() ? -1 : static_cast<int>(value.kind()); }

bool number_less(const Value& a, const Value& b) {
  if (a.is_integral() && b.is_integral()) return a.as_int() < b.as_int();
  const bool a_nan = a.is_float() && std::isnan(a.as_double());
  const bool b_nan = b.is_float() && std::isnan(b.as_double());
  if (a_nan || b_nan) return !a_nan && b_nan;
  return a.as_double() < b.as_double();
}

}  // namespace

Value Value::undefined(std::string hint) {
  Value value;
  auto box = std::make_shared<StringBox>();
  box->text = std::move(hint);
  value.box_ = std::move(box);
  return value;
}

Value Value::none() {
  Value value;
  value.kind_ = Kind::kNone;
  return value;
}

Value Value::boolean(bool b) {
  Value value;
  value.kind_ = Kind::kBool;
  value.scalar_.b = b;
  return value;
}

Value Value::integer(int64_t i) {
  Value value;
  value.kind_ = Kind::kInt;
  value.scalar_.i = i;
  return value;
}

Value Value::real(double d) {
  Value value;
  value.kind_ = Kind::kFloat;
  value.scalar_.d = d;
  return value;
}

Value Value::string(std::string text, bool markup) {
  Value value;
  value.kind_ = Kind::kString;
  auto box = std::make_shared<StringBox>();
  box->length = count_code_points(text);
  box->text = std::move(text);
  box->markup = markup;
  value.box_ = std::move(box);
  return value;
}

Value Value::list(std::vector<Value> items) {
  Value value;
  value.kind_ = Kind::kList;
  auto box = std::make_shared<ListBox>();
  box->depth = depth_over(items);
  box->items = std::move(items);
  value.box_ = std::move(box);
  return value;
}

Value Value::tuple(std::vector<Value> items) {
  Value value = list(std::move(items));
  value.kind_ = Kind::kTuple;
  return value;
}

Value Value::group(Value grouper, Value list) {
  Value value = tuple({std::move(grouper), std::move(list)});
  static_cast<ListBox&>(*value.box_).is_group = true;
  return value;
}

Value Value::dict(std::shared_ptr<const Dict> dict) {
  Value value;
  value.kind_ = Kind::kDict;
  value.box_ = std::const_pointer_cast<Dict>(std::move(dict));
  return value;
}

Value Value::dict_view(std::shared_ptr<const DictViewBox> view) {
  Value value;
  value.kind_ = Kind::kDictView;
  value.box_ = std::const_pointer_cast<DictViewBox>(std::move(view));
  return value;
}

Value Value::range(int64_t start, int64_t stop, int64_t step) {
  Value value;
  value.kind_ = Kind::kRange;
  auto box = std::make_shared<RangeBox>();
  box->start = start;
  box->stop = stop;
  box->step = step;
  // Unsigned: the distance of two int64 fits into uint64.
  const uint64_t low = static_cast<uint64_t>(step > 0 ? start : stop);
  const uint64_t high = static_cast<uint64_t>(step > 0 ? stop : start);
  const bool empty = step > 0 ? start >= stop : start <= stop;
  const uint64_t stride = step > 0 ? static_cast<uint64_t>(step) : 0 - static_cast<uint64_t>(step);
  const uint64_t count = empty ? 0 : (high - low - 1) / stride + 1;
  box->size = static_cast<int64_t>(std::min<uint64_t>(count, INT64_MAX));
  value.box_ = std::move(box);
  return value;
}

Value Value::iterator(std::vector<Value> items, std::string_view type_name) {
  Value value;
  value.kind_ = Kind::kIterator;
  auto box = std::make_shared<IteratorBox>();
  box->depth = depth_over(items);
  box->items = std::move(items);
  box->type_name = type_name;
  value.box_ = std::move(box);
  return value;
}

Value Value::object(std::shared_ptr<Object> object) {
  Value value;
  value.kind_ = Kind::kObject;
  value.box_ = std::move(object);
  return value;
}

const StringBox& Value::as_string() const { return static_cast<const StringBox&>(*box_); }
const std::string& Value::text() const { return as_string().text; }
bool Value::is_markup() const { return is_string() && as_string().markup; }
const std::vector<Value>& Value::items() const { return static_cast<const ListBox&>(*box_).items; }
bool Value::is_group() const {
  return kind_ == Kind::kTuple && static_cast<const ListBox&>(*box_).is_group;
}
const Dict& Value::as_dict() const { return static_cast<const Dict&>(*box_); }
const DictViewBox& Value::as_dict_view() const { return static_cast<const DictViewBox&>(*box_); }
const RangeBox& Value::as_range() const { return static_cast<const RangeBox&>(*box_); }
IteratorBox& Value::as_iterator() const { return static_cast<IteratorBox&>(*box_); }
Object& Value::as_object() const { return static_cast<Object&>(*box_); }

std::string Value::undefined_hint() const {
  return box_ ? static_cast<const StringBox&>(*box_).text : "value is undefined";
}

bool Value::same_as(const Value& other) const {
  if (kind_ != other.kind_) return false;
  switch (kind_) {
    case Kind::kNone:
      return true;
    case Kind::kBool:
      return scalar_.b == other.scalar_.b;
    case Kind::kInt:
      return scalar_.i == other.scalar_.i;
    case Kind::kFloat:
    case Kind::kUndefined:
    case Kind::kString:
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kDict:
    case Kind::kDictView:
    case Kind::kRange:
    case Kind::kIterator:
    case Kind::kObject:
      break;
  }
  // Python interns the literals that templates compare this way, so equal text counts as the same.
  if (kind_ == Kind::kString) return text() == other.text();
  if (kind_ == Kind::kFloat) return scalar_.d == other.scalar_.d;
  return box_ == other.box_;
}

bool KeyLess::operator()(const Value& a, const Value& b) const {
  const int rank_a = key_rank(a);
  const int rank_b = key_rank(b);
  if (rank_a != rank_b) return rank_a < rank_b;
  if (a.is_number()) return number_less(a, b);
  if (a.is_string()) return a.text() < b.text();
  if (a.kind() == Kind::kTuple) {
    return std::lexicographical_compare(a.items().begin(), a.items().end(), b.items().begin(),
                                        b.items().end(), *this);
  }
  if (a.is_none() || a.is_undefined()) return false;
  return std::less<>{}(a.box().get(), b.box().get());
}

bool is_hashable(const Value& value) {
  switch (value.kind()) {
    case Kind::kList:
    case Kind::kDict:
    case Kind::kDictView:
      return false;
    case Kind::kTuple:
      return std::all_of(value.items().begin(), value.items().end(), is_hashable);
    case Kind::kUndefined:
    case Kind::kNone:
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kFloat:
    case Kind::kString:
    case Kind::kRange:
    case Kind::kIterator:
    case Kind::kObject:
      return true;
  }
  return false;
}

std::optional<size_t> Dict::position(const Value& key) const {
  if (!index_.empty()) {
    const auto found = index_.find(key);
    return found == index_.end() ? std::nullopt : std::optional<size_t>(found->second);
  }
  const KeyLess less;
  for (size_t i = 0; i < entries_.size(); ++i) {
    const Value& candidate = entries_[i].first;
    if (!less(candidate, key) && !less(key, candidate)) return i;
  }
  return std::nullopt;
}

void Dict::set(Value key, Value value) {
  depth = std::max({depth, key.depth() + 1, value.depth() + 1});
  if (const auto at = position(key)) {
    entries_[*at].second = std::move(value);
    return;
  }
  entries_.emplace_back(std::move(key), std::move(value));
  if (entries_.size() <= kIndexFrom) return;
  if (index_.empty()) {
    for (size_t i = 0; i < entries_.size(); ++i) index_.emplace(entries_[i].first, i);
  } else {
    index_.emplace(entries_.back().first, entries_.size() - 1);
  }
}

const Value* Dict::find(const Value& key) const {
  const auto at = position(key);
  return at ? &entries_[*at].second : nullptr;
}

const Value* Dict::find(std::string_view key) const {
  if (!index_.empty()) return find(Value::string(std::string(key)));
  for (const Entry& entry : entries_) {
    if (entry.first.is_string() && entry.first.text() == key) return &entry.second;
  }
  return nullptr;
}

void Dict::clear() {
  index_.clear();
  entries_.clear();
}

std::optional<Value> Object::attribute(Runtime&, std::string_view, const Value&) {
  return std::nullopt;
}

std::optional<size_t> Object::length(Runtime&) { return std::nullopt; }

Value Object::call(Runtime& rt, const Args&) {
  return rt.fail("'" + std::string(type_name()) + "' object is not callable");
}

std::string_view type_name(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return "Undefined";
    case Kind::kNone:
      return "NoneType";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kFloat:
      return "float";
    case Kind::kString:
      return value.is_markup() ? "Markup" : "str";
    case Kind::kList:
      return "list";
    case Kind::kTuple:
      return "tuple";
    case Kind::kDict:
      return "dict";
    case Kind::kDictView:
      switch (value.as_dict_view().kind) {
        case DictViewKind::kKeys:
          return "dict_keys";
        case DictViewKind::kValues:
          return "dict_values";
        case DictViewKind::kItems:
          return "dict_items";
      }
      return "dict_view";
    case Kind::kRange:
      return "range";
    case Kind::kIterator:
      return value.as_iterator().type_name;
    case Kind::kObject:
      return value.as_object().type_name();
  }
  return "object";
}

}  // namespace bora::jinja
