// Value: what a template computes with, shaped like Python's: undefined, none, bool, int (64 bits;
// overflow is an error), float, string, list, tuple, dict (insertion order), dict views, range,
// one-shot iterators, and objects with attributes and calls (namespace, macro, loop, functions).
//
// Values are cheap to copy: scalars are inline, the rest is shared and immutable (iterators and
// objects excepted, which belong to one render and one thread). Containers know how deep they nest;
// make_list and friends CHECK nothing: the Runtime's constructors (runtime.h) refuse what is too
// deep.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bora::jinja {

class Runtime;
class Value;
struct Args;

enum class Kind : uint8_t {
  kUndefined,
  kNone,
  kBool,
  kInt,
  kFloat,
  kString,
  kList,
  kTuple,
  kDict,
  kDictView,
  kRange,
  kIterator,
  kObject,
};

// Anything behind a pointer. `depth` is 1 + that of the deepest element; 0 for what holds no
// values.
struct Boxed {
  virtual ~Boxed() = default;
  int depth = 0;

 protected:
  Boxed() = default;
  Boxed(const Boxed&) = default;
  Boxed(Boxed&&) = default;
  Boxed& operator=(const Boxed&) = default;
  Boxed& operator=(Boxed&&) = default;
};

struct StringBox;
struct ListBox;
class Dict;
struct DictViewBox;
struct RangeBox;
struct IteratorBox;
class Object;

class Value {
 public:
  Value() = default;  // undefined
  static Value undefined(std::string hint);
  static Value none();
  static Value boolean(bool b);
  static Value integer(int64_t i);
  static Value real(double d);
  // `text` must be valid UTF-8. `markup`: escaped HTML, as jinja2's Markup.
  static Value string(std::string text, bool markup = false);
  static Value list(std::vector<Value> items);
  static Value tuple(std::vector<Value> items);
  static Value group(Value grouper, Value list);
  static Value dict(std::shared_ptr<const Dict> dict);
  static Value dict_view(std::shared_ptr<const DictViewBox> view);
  static Value range(int64_t start, int64_t stop, int64_t step);
  static Value iterator(std::vector<Value> items, std::string_view type_name);
  static Value object(std::shared_ptr<Object> object);

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] bool is_undefined() const { return kind_ == Kind::kUndefined; }
  [[nodiscard]] bool is_none() const { return kind_ == Kind::kNone; }
  [[nodiscard]] bool is_bool() const { return kind_ == Kind::kBool; }
  [[nodiscard]] bool is_int() const { return kind_ == Kind::kInt; }
  [[nodiscard]] bool is_float() const { return kind_ == Kind::kFloat; }
  // Python's bool is an int.
  [[nodiscard]] bool is_integral() const { return kind_ == Kind::kInt || kind_ == Kind::kBool; }
  [[nodiscard]] bool is_number() const { return is_integral() || is_float(); }
  [[nodiscard]] bool is_string() const { return kind_ == Kind::kString; }
  [[nodiscard]] bool is_sequence() const { return kind_ == Kind::kList || kind_ == Kind::kTuple; }
  [[nodiscard]] bool is_dict() const { return kind_ == Kind::kDict; }

  // Preconditions: the kind fits (is_integral for as_int, is_number for as_double).
  [[nodiscard]] bool as_bool() const { return scalar_.b; }
  [[nodiscard]] int64_t as_int() const {
    return kind_ == Kind::kBool ? static_cast<int64_t>(scalar_.b) : scalar_.i;
  }
  [[nodiscard]] double as_double() const {
    return kind_ == Kind::kFloat ? scalar_.d : static_cast<double>(as_int());
  }
  [[nodiscard]] const StringBox& as_string() const;
  [[nodiscard]] const std::string& text() const;
  [[nodiscard]] bool is_markup() const;
  [[nodiscard]] const std::vector<Value>& items() const;  // list, tuple
  [[nodiscard]] bool is_group() const;
  [[nodiscard]] const Dict& as_dict() const;
  [[nodiscard]] const std::shared_ptr<Boxed>& box() const { return box_; }
  [[nodiscard]] const DictViewBox& as_dict_view() const;
  [[nodiscard]] const RangeBox& as_range() const;
  [[nodiscard]] IteratorBox& as_iterator() const;
  [[nodiscard]] Object& as_object() const;
  // Why it is undefined, as the error says that using it raises.
  [[nodiscard]] std::string undefined_hint() const;

  [[nodiscard]] int depth() const { return box_ ? box_->depth : 0; }
  // Python's `is`.
  [[nodiscard]] bool same_as(const Value& other) const;

 private:
  union Scalar {
    bool b;
    int64_t i = 0;
    double d;
  };
  Kind kind_ = Kind::kUndefined;
  Scalar scalar_;
  std::shared_ptr<Boxed> box_;
};

struct StringBox : Boxed {
  std::string text;
  size_t length = 0;  // in code points, as Python counts
  bool markup = false;
  [[nodiscard]] bool ascii() const { return length == text.size(); }
};

struct ListBox : Boxed {
  std::vector<Value> items;
  bool is_group = false;  // a tuple of groupby: has the attributes `grouper` and `list`
};

// A total order over hashable values in which Python's equal keys (1, 1.0, true) are equivalent.
struct KeyLess {
  bool operator()(const Value& a, const Value& b) const;
};

// An insertion-ordered dict. Built with set(), then shared as const. An index by key appears with
// the ninth entry; a tree, not a hash table, so that no hostile choice of keys makes it slow.
class Dict : public Boxed {
 public:
  using Entry = std::pair<Value, Value>;
  // A present key keeps its place and its first spelling. Precondition: is_hashable(key).
  void set(Value key, Value value);
  void set(std::string_view key, Value value) {
    set(Value::string(std::string(key)), std::move(value));
  }
  [[nodiscard]] const Value* find(const Value& key) const;
  [[nodiscard]] const Value* find(std::string_view key) const;
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
  [[nodiscard]] size_t size() const { return entries_.size(); }
  void clear();

 private:
  [[nodiscard]] std::optional<size_t> position(const Value& key) const;
  std::vector<Entry> entries_;
  std::map<Value, size_t, KeyLess> index_;
};

bool is_hashable(const Value& value);

enum class DictViewKind : uint8_t { kKeys, kValues, kItems };

struct DictViewBox : Boxed {
  std::shared_ptr<const Dict> dict;
  DictViewKind kind = DictViewKind::kKeys;
};

struct RangeBox : Boxed {
  int64_t start = 0;
  int64_t stop = 0;
  int64_t step = 1;
  int64_t size = 0;
};

// A Python generator or reversed(): what is left of it can be read once.
struct IteratorBox : Boxed {
  std::vector<Value> items;
  size_t next = 0;
  std::string_view type_name;  // a literal
};

// Something with attributes or calls. Errors go to the Runtime.
class Object : public Boxed {
 public:
  [[nodiscard]] virtual std::string_view type_name() const = 0;
  [[nodiscard]] virtual std::string repr(Runtime& rt) = 0;
  // Nothing: no such attribute. `self` is the value that holds this object.
  virtual std::optional<Value> attribute(Runtime& rt, std::string_view name, const Value& self);
  // Its len(), where it has one.
  virtual std::optional<size_t> length(Runtime& rt);
  [[nodiscard]] virtual bool callable() const { return false; }
  virtual Value call(Runtime& rt, const Args& args);
};

// The object's dynamic type, or null.
template <class T>
T* object_as(const Value& value) {
  return value.kind() == Kind::kObject ? dynamic_cast<T*>(&value.as_object()) : nullptr;
}

// The name of its Python type ("str", "dict", ...).
std::string_view type_name(const Value& value);

}  // namespace bora::jinja
