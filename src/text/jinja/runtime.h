// Runtime: one render's error, budget and clock, handed to everything that evaluates.
//
// Errors are sticky: the first fail() is kept with the line being evaluated, later ones are
// ignored, and from then on charge() is false, so every loop ends. Functions that fail return an
// undefined Value that nobody looks at; they check failed() only before work that a failure would
// make long or wrong. Owned by one thread.
#pragma once

#include "text/jinja/limits.h"
#include "text/jinja/value.h"

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bora::jinja {

// What strftime_now sees: local time, no zone.
struct DateTime {
  int year = 1970;
  int month = 1;
  int day = 1;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int microsecond = 0;
};

// Arguments of a call, in the order given.
struct Args {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
  [[nodiscard]] const Value* find(std::string_view name) const;
};

class Runtime {
 public:
  explicit Runtime(const DateTime& now) : now_(now) {}
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  // Keeps the first message; returns undefined, to be returned in turn.
  Value fail(std::string message);
  // The error of using an undefined value.
  Value fail_undefined(const Value& value) { return fail(value.undefined_hint()); }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] const std::string& message() const { return message_; }
  [[nodiscard]] int error_line() const { return error_line_; }

  void set_line(int line) { line_ = line; }
  [[nodiscard]] int line() const { return line_; }
  [[nodiscard]] const DateTime& now() const { return now_; }

  // Takes `steps` from the budget; false once it is spent or anything failed.
  bool charge(uint64_t steps = 1);
  bool charge_bytes(uint64_t bytes) { return charge(1 + bytes / kBytesPerStep); }

  // Whether a string of `bytes` may be made; charges for it.
  bool allow_string(uint64_t bytes);
  // Whether a list of `items` may be made; charges for it.
  bool allow_items(uint64_t items);

  // Containers and strings within the limits; undefined, having failed, beyond them.
  Value string(std::string text, bool markup = false);
  Value list(std::vector<Value> items) { return checked(Value::list(std::move(items))); }
  Value tuple(std::vector<Value> items) { return checked(Value::tuple(std::move(items))); }
  Value dict(std::shared_ptr<const Dict> dict) { return checked(Value::dict(std::move(dict))); }
  Value iterator(std::vector<Value> items, std::string_view type) {
    return checked(Value::iterator(std::move(items), type));
  }
  Value object(std::shared_ptr<Object> object) { return checked(Value::object(std::move(object))); }

  // Sets an entry; false, having failed, where the key cannot be hashed.
  bool set_entry(Dict& dict, const Value& key, const Value& value);

  // Keeps what may be part of a cycle alive until the render ends, when release() cuts it.
  template <class Cyclic>
  void pin(std::shared_ptr<Cyclic> object) {
    if (pins_.size() >= kMaxPinnedObjects) {
      fail("too many namespaces and macros (limit kMaxPinnedObjects)");
      return;
    }
    pins_.emplace_back([object = std::move(object)] { object->release(); });
  }
  ~Runtime();

  // One level of recursion; ok() is false, having failed, beyond kMaxEvalDepth.
  class Descent {
   public:
    explicit Descent(Runtime& rt);
    ~Descent() { --rt_.depth_; }
    Descent(const Descent&) = delete;
    Descent& operator=(const Descent&) = delete;
    [[nodiscard]] bool ok() const { return ok_; }

   private:
    Runtime& rt_;
    bool ok_;
  };

 private:
  Value checked(Value value);

  DateTime now_;
  bool failed_ = false;
  std::string message_;
  int line_ = 1;
  int error_line_ = 1;
  uint64_t steps_ = 0;
  int depth_ = 0;
  std::vector<std::function<void()>> pins_;
};

// Arguments bound to parameter names as Python binds them; a parameter named "" takes no keyword.
// ok() is false, having failed, where one is missing, given twice or unknown.
class BoundArgs {
 public:
  BoundArgs(Runtime& rt, std::string_view function, std::initializer_list<std::string_view> names,
            size_t required, const Args& args);
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool has(size_t i) const { return values_[i].has_value(); }
  // The argument, or undefined where it was not given.
  [[nodiscard]] const Value& at(size_t i) const;
  [[nodiscard]] bool given(size_t i) const { return has(i) && !at(i).is_none(); }
  // Typed reads with a default; fail on another type.
  [[nodiscard]] int64_t integer(size_t i, int64_t fallback);
  [[nodiscard]] bool truth(size_t i, bool fallback);
  [[nodiscard]] std::string text(size_t i, std::string_view fallback);

 private:
  void refuse(std::string_view what);
  void bind(std::initializer_list<std::string_view> names, const Args& args);

  Runtime& rt_;
  std::string_view function_;
  std::vector<std::optional<Value>> values_;
  bool ok_ = true;
};

using NativeFunction = Value (*)(Runtime& rt, const Value& self, const Args& args);

// A method, filter, test or global under its name.
struct NamedFunction {
  std::string_view name;
  NativeFunction function;
};

// A function written here; `self` is what a method is bound to. `name` must outlive the value.
Value make_function(Runtime& rt, std::string_view name, NativeFunction function, Value self = {});

// Walks any iterable (strings by character, dicts by key) from where an iterator stands.
class ValueIterator {
 public:
  // Fails where the value cannot be iterated; then next() is false.
  ValueIterator(Runtime& rt, const Value& iterable);
  bool next(Value& item);
  // How many items next() would still give, where that is known without walking.
  [[nodiscard]] size_t remaining() const;

 private:
  Runtime& rt_;
  Value source_;
  size_t at_ = 0;    // index, or byte offset in a string
  size_t read_ = 0;  // items given
};

bool is_iterable(const Value& value);
// All items; empty, having failed, where the value cannot be iterated.
std::vector<Value> items_of(Runtime& rt, const Value& iterable);

}  // namespace bora::jinja
