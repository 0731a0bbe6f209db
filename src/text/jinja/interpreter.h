// The interpreter: walks a template's syntax tree and writes its text.
//
// Scopes form a chain, read by name at run time: that gives the same answers as jinja2's compiled
// code, whose local variables are aliases of the outer ones, because only an assignment in the same
// scope can change a name. Owned by one render on one thread; the Template is shared and const.
#pragma once

#include "text/jinja/ast.h"
#include "text/jinja/runtime.h"

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace bora::jinja {

struct Scope {
  std::shared_ptr<Scope> parent;
  std::unordered_map<NameId, Value> variables;
  bool pinned = false;  // a macro of this scope keeps it alive until the render ends
  void release() { variables.clear(); }
};

// What a statement does to the loop around it.
enum class Flow : uint8_t { kNext, kBreak, kContinue };

class Interpreter {
 public:
  // `context`: the names that the template sees, over the globals.
  Interpreter(Runtime& rt, const Template& tmpl, const Dict& context);
  class ScopeGuard;

  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;
  ~Interpreter() = default;

  // The text; of no use where the runtime failed.
  std::string render();

  // For macros and recursive loops, which call back.
  Value call_macro(const MacroBody& macro, const std::shared_ptr<Scope>& defined_in,
                   const Args& args);
  Value render_loop(const ForNode& node, std::shared_ptr<Scope> scope, const Value& iterable,
                    int depth);
  bool passes_filter(const ForNode& node, const std::shared_ptr<Scope>& scope, const Value& item);
  Runtime& runtime() { return rt_; }

 private:
  Flow run_body(const Body& body);
  Flow run(const Node& node);
  Flow run_for(const ForNode& node);
  Flow run_if(const IfNode& node);
  Flow run_set_block(const SetBlockNode& node);
  Flow run_filter_block(const FilterBlockNode& node);
  Flow run_with(const WithNode& node);
  Flow run_scope(const ScopeNode& node);
  void run_macro(const MacroNode& node);
  void run_call_block(const CallBlockNode& node);
  // Iterates; `recursive_depth` counts how often a recursive loop called itself.
  // `from_else`: what the else body did, where it ran.
  void iterate(const ForNode& node, const Value& iterable, int recursive_depth,
               std::optional<Flow>& from_else);

  void assign(const Target& target, const Value& value);
  bool check_namespaces(const Target& target);
  void define(NameId name, Value value) {
    scope_->variables.insert_or_assign(name, std::move(value));
  }
  [[nodiscard]] const Value* find(NameId name) const;
  Value make_macro(const MacroBody& macro);
  // Defines caller, kwargs or varargs: names that the body uses, so they have ids.
  void define_special(std::string_view name, Value value);
  bool bind_parameters(const MacroBody& macro, const Args& args);

  void write(std::string_view text);
  // Runs a body with the output captured.
  std::string capture(const Body& body, Flow& flow);

  Value evaluate(const Expr& expr);
  Value evaluate_node(const Expr& expr);
  Value evaluate_name(const NameExpr& expr);
  Value evaluate_sequence(const SequenceExpr& expr);
  Value evaluate_dict(const DictExpr& expr);
  Value evaluate_unary(const UnaryExpr& expr);
  Value evaluate_binary(const BinaryExpr& expr);
  Value evaluate_logic(const LogicExpr& expr);
  Value evaluate_concat(const ConcatExpr& expr);
  Value evaluate_compare(const CompareExpr& expr);
  Value evaluate_conditional(const ConditionalExpr& expr);
  Value evaluate_slice(const SliceExpr& expr);
  Value evaluate_call(const CallExpr& expr, const Value* caller);
  Value evaluate_filter(const FilterExpr& expr, const Value* block_text);
  Value evaluate_test(const TestExpr& expr);
  bool evaluate_args(const CallArgs& source, Args& args);

  Runtime& rt_;
  const Template& template_;
  std::shared_ptr<Scope> root_;
  std::shared_ptr<Scope> scope_;
  std::optional<NameId> loop_name_;  // of "loop", where the template uses it
  std::string* out_ = nullptr;
};

// Opens a scope below the current one, or below `parent`, until the end of the block.
class Interpreter::ScopeGuard {
 public:
  explicit ScopeGuard(Interpreter& interpreter) : ScopeGuard(interpreter, interpreter.scope_) {}
  ScopeGuard(Interpreter& interpreter, std::shared_ptr<Scope> parent)
      : interpreter_(interpreter), saved_(interpreter.scope_) {
    auto scope = std::make_shared<Scope>();
    scope->parent = std::move(parent);
    interpreter_.scope_ = std::move(scope);
  }
  ~ScopeGuard() { interpreter_.scope_ = std::move(saved_); }
  ScopeGuard(const ScopeGuard&) = delete;
  ScopeGuard& operator=(const ScopeGuard&) = delete;

 private:
  Interpreter& interpreter_;
  std::shared_ptr<Scope> saved_;
};

}  // namespace bora::jinja
