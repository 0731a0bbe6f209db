#include "text/jinja/loop.h"

#include "text/jinja/operators.h"

#include <fmt/format.h>

namespace bora::jinja {

LoopObject::LoopObject(Interpreter& interpreter, const ForNode& node,
                       const std::shared_ptr<Scope>& scope, const Value& iterable,
                       int recursive_depth)
    : interpreter_(interpreter),
      node_(node),
      scope_(scope),
      source_(interpreter.runtime(), iterable),
      sized_(!node.filter && iterable.kind() != Kind::kIterator),
      recursive_depth_(recursive_depth) {
  depth = iterable.depth() + 1;
}

bool LoopObject::pull(Value& item) {
  if (is_drained_) {
    if (drained_at_ >= drained_.size()) return false;
    item = drained_[drained_at_++];
    return true;
  }
  while (source_.next(item)) {
    if (!node_.filter) return true;
    const std::shared_ptr<Scope> scope = scope_.lock();
    if (!scope) return false;
    if (interpreter_.passes_filter(node_, scope, item)) return true;
  }
  return false;
}

bool LoopObject::next(Value& item) {
  if (interpreter_.runtime().failed()) return false;
  if (ahead_) {
    item = *ahead_;
    ahead_.reset();
  } else if (!pull(item)) {
    return false;
  }
  ++index0_;
  before_ = current_;
  current_ = item;
  return true;
}

const Value* LoopObject::peek() {
  if (!ahead_) {
    Value item;
    if (pull(item)) ahead_ = item;
  }
  return ahead_ ? &*ahead_ : nullptr;
}

std::optional<size_t> LoopObject::length(Runtime& rt) {
  if (length_) return length_;
  const auto consumed = static_cast<size_t>(index0_ + 1) + (ahead_ ? 1 : 0);
  if (sized_) {
    length_ = consumed + source_.remaining();
    return length_;
  }
  std::vector<Value> items;
  for (Value item; pull(item) && rt.charge();) items.push_back(item);
  drained_ = std::move(items);
  drained_at_ = 0;
  is_drained_ = true;
  length_ = consumed + drained_.size();
  return length_;
}

std::string LoopObject::repr(Runtime& rt) {
  return fmt::format("<LoopContext {}/{}>", index0_ + 1, length(rt).value_or(0));
}

std::optional<Value> LoopObject::attribute(Runtime& rt, std::string_view name, const Value& self) {
  const auto size = [&] { return static_cast<int64_t>(length(rt).value_or(0)); };
  if (name == "index") return Value::integer(index0_ + 1);
  if (name == "index0") return Value::integer(index0_);
  if (name == "first") return Value::boolean(index0_ == 0);
  if (name == "last") return Value::boolean(peek() == nullptr);
  if (name == "length") return Value::integer(size());
  if (name == "revindex") return Value::integer(size() - index0_);
  if (name == "revindex0") return Value::integer(size() - index0_ - 1);
  if (name == "depth") return Value::integer(recursive_depth_ + 1);
  if (name == "depth0") return Value::integer(recursive_depth_);
  if (name == "previtem") {
    return index0_ == 0 ? Value::undefined("there is no previous item") : before_;
  }
  if (name == "nextitem") {
    const Value* item = peek();
    return item != nullptr ? *item : Value::undefined("there is no next item");
  }
  if (name == "cycle") return make_function(rt, "cycle", cycle, self);
  if (name == "changed") return make_function(rt, "changed", changed, self);
  return std::nullopt;
}

Value LoopObject::cycle(Runtime& rt, const Value& self, const Args& args) {
  const LoopObject& loop = *object_as<LoopObject>(self);
  if (args.positional.empty()) return rt.fail("no items for cycling given");
  const auto index = static_cast<size_t>(loop.index0_ < 0 ? 0 : loop.index0_);
  return args.positional[index % args.positional.size()];
}

Value LoopObject::changed(Runtime& rt, const Value& self, const Args& args) {
  LoopObject& loop = *object_as<LoopObject>(self);
  const Value value = rt.tuple(args.positional);
  if (loop.last_changed_ && equal(rt, *loop.last_changed_, value)) return Value::boolean(false);
  if (!loop.pinned_) {
    rt.pin(std::static_pointer_cast<LoopObject>(self.box()));
    loop.pinned_ = true;
  }
  if (!rt.failed()) loop.last_changed_ = value;
  return Value::boolean(true);
}

Value LoopObject::call(Runtime& rt, const Args& args) {
  const BoundArgs bound(rt, "loop", {"iterable"}, 1, args);
  if (!bound.ok()) return {};
  const std::shared_ptr<Scope> scope = scope_.lock();
  if (!node_.recursive || !scope) {
    return rt.fail("The loop must have the 'recursive' marker to be called recursively.");
  }
  return interpreter_.render_loop(node_, scope, bound.at(0), recursive_depth_ + 1);
}

}  // namespace bora::jinja
