#include "text/jinja/interpreter.h"

#include "base/check.h"
#include "text/jinja/builtins.h"
#include "text/jinja/loop.h"
#include "text/jinja/namespace_object.h"
#include "text/jinja/operators.h"
#include "text/jinja/repr.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace bora::jinja {

Interpreter::Interpreter(Runtime& rt, const Template& tmpl, const Dict& context)
    : rt_(rt), template_(tmpl), root_(std::make_shared<Scope>()), scope_(root_) {
  auto outer = std::make_shared<Scope>();
  for (NameId id = 0; id < tmpl.names.size(); ++id) {
    const std::string& name = tmpl.names[id];
    if (name == "loop") loop_name_ = id;
    if (const Value* value = context.find(name)) {
      outer->variables.emplace(id, *value);
      continue;
    }
    for (const NamedFunction& function : global_functions()) {
      if (function.name == name) {
        outer->variables.emplace(id, make_function(rt, function.name, function.function));
      }
    }
  }
  root_->parent = std::move(outer);
}

std::string Interpreter::render() {
  std::string text;
  out_ = &text;
  run_body(template_.body);
  return text;
}

void Interpreter::write(std::string_view text) {
  if (out_->size() + text.size() > kMaxOutputBytes) {
    rt_.fail(fmt::format("more than {} bytes of output (limit kMaxOutputBytes)", kMaxOutputBytes));
  } else if (rt_.charge_bytes(text.size())) {
    *out_ += text;
  }
}

std::string Interpreter::capture(const Body& body, Flow& flow) {
  std::string text;
  std::string* const saved = std::exchange(out_, &text);
  flow = run_body(body);
  out_ = saved;
  return text;
}

Flow Interpreter::run_body(const Body& body) {
  const Runtime::Descent descent(rt_);
  if (!descent.ok()) return Flow::kNext;
  for (const NodePtr& node : body) {
    rt_.set_line(node->line);
    if (!rt_.charge()) return Flow::kNext;
    const Flow flow = run(*node);
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Flow Interpreter::run(const Node& node) {
  switch (node.kind) {
    case NodeKind::kText:
      write(static_cast<const TextNode&>(node).text);
      break;
    case NodeKind::kOutput: {
      const Value value = evaluate(*static_cast<const OutputNode&>(node).value);
      if (value.is_string()) {
        write(value.text());
      } else {
        write(to_text(rt_, value));
      }
      break;
    }
    case NodeKind::kFor:
      return run_for(static_cast<const ForNode&>(node));
    case NodeKind::kIf:
      return run_if(static_cast<const IfNode&>(node));
    case NodeKind::kMacro:
      run_macro(static_cast<const MacroNode&>(node));
      break;
    case NodeKind::kCallBlock:
      run_call_block(static_cast<const CallBlockNode&>(node));
      break;
    case NodeKind::kFilterBlock:
      return run_filter_block(static_cast<const FilterBlockNode&>(node));
    case NodeKind::kSet: {
      const auto& set = static_cast<const SetNode&>(node);
      if (check_namespaces(set.target)) assign(set.target, evaluate(*set.value));
      break;
    }
    case NodeKind::kSetBlock:
      return run_set_block(static_cast<const SetBlockNode&>(node));
    case NodeKind::kWith:
      return run_with(static_cast<const WithNode&>(node));
    case NodeKind::kScope:
      return run_scope(static_cast<const ScopeNode&>(node));
    case NodeKind::kBreak:
      return Flow::kBreak;
    case NodeKind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kNext;
}

Flow Interpreter::run_if(const IfNode& node) {
  for (const auto& [test, body] : node.branches) {
    rt_.set_line(test->line);
    if (is_true(evaluate(*test))) return run_body(body);
    if (rt_.failed()) return Flow::kNext;
  }
  return run_body(node.otherwise);
}

Flow Interpreter::run_for(const ForNode& node) {
  const Value iterable = evaluate(*node.iterable);
  if (rt_.failed()) return Flow::kNext;
  if (node.recursive) {
    const Value text = render_loop(node, scope_, iterable, 0);
    if (text.is_string()) write(text.text());
    return Flow::kNext;
  }
  std::optional<Flow> from_else;
  iterate(node, iterable, 0, from_else);
  return from_else.value_or(Flow::kNext);
}

void Interpreter::iterate(const ForNode& node, const Value& iterable, int recursive_depth,
                          std::optional<Flow>& from_else) {
  auto loop = std::make_shared<LoopObject>(*this, node, scope_, iterable, recursive_depth);
  const Value loop_value = rt_.object(loop);
  // As in jinja2, an iteration that break or continue ends does not keep the else from running.
  bool completed_one = false;
  for (Value item; loop->next(item);) {
    const ScopeGuard guard(*this);
    if (loop_name_) define(*loop_name_, loop_value);
    rt_.set_line(node.line);
    assign(node.target, item);
    const Flow flow = run_body(node.body);
    if (rt_.failed()) return;
    if (flow == Flow::kBreak) break;
    completed_one = completed_one || flow == Flow::kNext;
  }
  if (completed_one || node.otherwise.empty() || rt_.failed()) return;
  const ScopeGuard guard(*this);
  from_else = run_body(node.otherwise);
}

void Interpreter::define_special(std::string_view name, Value value) {
  const auto found = std::find(template_.names.begin(), template_.names.end(), name);
  CHECK(found != template_.names.end(), "a special name that no expression reads");
  define(static_cast<NameId>(found - template_.names.begin()), std::move(value));
}

Value Interpreter::render_loop(const ForNode& node, std::shared_ptr<Scope> scope,
                               const Value& iterable, int depth) {
  const std::shared_ptr<Scope> saved_scope = std::exchange(scope_, std::move(scope));
  std::string text;
  std::string* const saved_out = std::exchange(out_, &text);
  std::optional<Flow> from_else;
  iterate(node, iterable, depth, from_else);
  out_ = saved_out;
  scope_ = saved_scope;
  return rt_.string(std::move(text));
}

bool Interpreter::passes_filter(const ForNode& node, const std::shared_ptr<Scope>& scope,
                                const Value& item) {
  const ScopeGuard guard(*this, scope);
  assign(node.target, item);
  return is_true(evaluate(*node.filter)) && !rt_.failed();
}

Flow Interpreter::run_set_block(const SetBlockNode& node) {
  if (!check_namespaces(node.target)) return Flow::kNext;
  Value value;
  Flow flow = Flow::kNext;
  {
    const ScopeGuard guard(*this);
    value = rt_.string(capture(node.body, flow));
    if (flow != Flow::kNext) return flow;
    if (node.filter) value = evaluate_filter(static_cast<const FilterExpr&>(*node.filter), &value);
  }
  assign(node.target, value);
  return flow;
}

Flow Interpreter::run_filter_block(const FilterBlockNode& node) {
  const ScopeGuard guard(*this);
  Flow flow = Flow::kNext;
  const Value text = rt_.string(capture(node.body, flow));
  if (flow != Flow::kNext) return flow;
  write(to_text(rt_, evaluate_filter(static_cast<const FilterExpr&>(*node.filter), &text)));
  return flow;
}

Flow Interpreter::run_with(const WithNode& node) {
  std::vector<Value> values;
  for (const auto& [target, expr] : node.assignments) values.push_back(evaluate(*expr));
  const ScopeGuard guard(*this);
  for (size_t i = 0; i < values.size(); ++i) assign(node.assignments[i].first, values[i]);
  return run_body(node.body);
}

Flow Interpreter::run_scope(const ScopeNode& node) {
  const ScopeGuard guard(*this, node.from_root ? root_ : scope_);
  return run_body(node.body);
}

const Value* Interpreter::find(NameId name) const {
  for (const Scope* scope = scope_.get(); scope != nullptr; scope = scope->parent.get()) {
    const auto found = scope->variables.find(name);
    if (found != scope->variables.end()) return &found->second;
  }
  return nullptr;
}

bool Interpreter::check_namespaces(const Target& target) {
  if (target.kind == Target::Kind::kAttribute) {
    const Value* object = find(target.name);
    if (object == nullptr || object_as<NamespaceObject>(*object) == nullptr) {
      rt_.fail("cannot assign attribute on non-namespace object");
      return false;
    }
  }
  return std::all_of(target.items.begin(), target.items.end(),
                     [&](const Target& item) { return check_namespaces(item); });
}

void Interpreter::assign(const Target& target, const Value& value) {
  if (rt_.failed()) return;
  if (target.kind == Target::Kind::kName) {
    define(target.name, value);
    return;
  }
  if (target.kind == Target::Kind::kAttribute) {
    const Value object = *find(target.name);
    object_as<NamespaceObject>(object)->set(rt_, target.attribute, value);
    return;
  }
  const std::vector<Value> items = items_of(rt_, value);
  if (rt_.failed()) return;
  if (items.size() != target.items.size()) {
    rt_.fail(items.size() > target.items.size()
                 ? fmt::format("too many values to unpack (expected {})", target.items.size())
                 : fmt::format("not enough values to unpack (expected {}, got {})",
                               target.items.size(), items.size()));
    return;
  }
  for (size_t i = 0; i < items.size(); ++i) assign(target.items[i], items[i]);
}

}  // namespace bora::jinja
