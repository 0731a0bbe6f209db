// The `loop` variable of a for.
#pragma once

#include "text/jinja/interpreter.h"
#include "text/jinja/runtime.h"

#include <memory>
#include <optional>
#include <vector>

namespace bora::jinja {

// Hands out the items of a loop one by one, as late as jinja2 does: the filter of the for sees what
// the body before it did. Looks ahead only when asked for `last`, `nextitem` or the length.
class LoopObject final : public Object {
 public:
  LoopObject(Interpreter& interpreter, const ForNode& node, const std::shared_ptr<Scope>& scope,
             const Value& iterable, int recursive_depth);

  // Moves on; false at the end or after a failure.
  bool next(Value& item);

  // Drops what could be part of a cycle.
  void release() { last_changed_.reset(); }

  [[nodiscard]] std::string_view type_name() const override { return "LoopContext"; }
  [[nodiscard]] std::string repr(Runtime& rt) override;
  std::optional<Value> attribute(Runtime& rt, std::string_view name, const Value& self) override;
  std::optional<size_t> length(Runtime& rt) override;
  [[nodiscard]] bool callable() const override { return true; }
  Value call(Runtime& rt, const Args& args) override;

 private:
  bool pull(Value& item);
  const Value* peek();
  static Value cycle(Runtime& rt, const Value& self, const Args& args);
  static Value changed(Runtime& rt, const Value& self, const Args& args);

  Interpreter& interpreter_;
  const ForNode& node_;
  // Weak: a loop kept in a namespace must not keep a chain of scopes.
  std::weak_ptr<Scope> scope_;
  ValueIterator source_;
  std::vector<Value> drained_;  // what was read to learn the length
  size_t drained_at_ = 0;
  bool is_drained_ = false;
  bool sized_;  // the iterable has a length of its own
  std::optional<size_t> length_;
  std::optional<Value> ahead_;
  Value current_;
  Value before_;
  int64_t index0_ = -1;
  int recursive_depth_;
  std::optional<Value> last_changed_;
  bool pinned_ = false;
};

}  // namespace bora::jinja
