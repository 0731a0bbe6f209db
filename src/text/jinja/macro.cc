// Macros and call blocks.
#include "text/jinja/interpreter.h"
#include "text/jinja/repr.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace bora::jinja {
namespace {

class MacroObject final : public Object {
 public:
  MacroObject(Interpreter& interpreter, const Template& tmpl, const MacroBody& macro,
              const std::shared_ptr<Scope>& scope)
      : interpreter_(interpreter), template_(tmpl), macro_(macro), scope_(scope) {}

  [[nodiscard]] std::string_view type_name() const override { return "Macro"; }
  [[nodiscard]] std::string repr(Runtime&) override {
    return fmt::format("<Macro {}>", macro_.name.empty() ? "anonymous" : quoted(macro_.name));
  }
  [[nodiscard]] bool callable() const override { return true; }

  std::optional<Value> attribute(Runtime& rt, std::string_view name, const Value&) override {
    if (name == "name") {
      return macro_.name.empty() ? Value::none() : Value::string(macro_.name);
    }
    if (name == "catch_kwargs") return Value::boolean(macro_.uses_kwargs);
    if (name == "catch_varargs") return Value::boolean(macro_.uses_varargs);
    if (name == "caller") return Value::boolean(macro_.uses_caller);
    if (name != "arguments") return std::nullopt;
    std::vector<Value> names;
    for (const MacroBody::Parameter& parameter : macro_.parameters) {
      names.push_back(Value::string(template_.names[parameter.name]));
    }
    return rt.tuple(std::move(names));
  }

  Value call(Runtime& rt, const Args& args) override {
    const std::shared_ptr<Scope> scope = scope_.lock();
    if (!scope) return rt.fail("a macro called after its render");
    return interpreter_.call_macro(macro_, scope, args);
  }

 private:
  Interpreter& interpreter_;
  const Template& template_;
  const MacroBody& macro_;
  std::weak_ptr<Scope> scope_;  // pinned by the runtime: the scope may hold this macro
};

}  // namespace

Value Interpreter::make_macro(const MacroBody& macro) {
  if (!scope_->pinned) {
    rt_.pin(scope_);
    scope_->pinned = true;
  }
  return rt_.object(std::make_shared<MacroObject>(*this, template_, macro, scope_));
}

void Interpreter::run_macro(const MacroNode& node) { define(node.name, make_macro(node.macro)); }

void Interpreter::run_call_block(const CallBlockNode& node) {
  const Value caller = make_macro(node.caller);
  const Value result = evaluate_call(static_cast<const CallExpr&>(*node.call), &caller);
  write(to_text(rt_, result));
}

Value Interpreter::call_macro(const MacroBody& macro, const std::shared_ptr<Scope>& defined_in,
                              const Args& args) {
  const int line = rt_.line();
  const ScopeGuard guard(*this, defined_in);
  if (!bind_parameters(macro, args)) return {};
  Flow flow = Flow::kNext;
  std::string text = capture(macro.body, flow);
  if (!rt_.failed()) rt_.set_line(line);
  return rt_.string(std::move(text));
}

// Defines the parameters, and caller, kwargs and varargs where the body uses them, as jinja2's
// Macro.__call__ does.
bool Interpreter::bind_parameters(const MacroBody& macro, const Args& args) {
  const size_t count = macro.parameters.size();
  const size_t given = std::min(args.positional.size(), count);
  std::vector<std::pair<std::string, Value>> named = args.named;
  const auto take_named = [&](std::string_view name) -> std::optional<Value> {
    const auto found = std::find_if(named.begin(), named.end(),
                                    [&](const auto& entry) { return entry.first == name; });
    if (found == named.end()) return std::nullopt;
    Value value = std::move(found->second);
    named.erase(found);
    return value;
  };
  std::vector<size_t> missing;
  for (size_t i = 0; i < count; ++i) {
    const std::string& name = template_.names[macro.parameters[i].name];
    const std::optional<Value> value =
        i < given ? std::optional<Value>(args.positional[i]) : take_named(name);
    if (value) {
      define(macro.parameters[i].name, *value);
    } else {
      missing.push_back(i);
    }
  }
  if (macro.uses_caller && !macro.explicit_caller) {
    const auto caller = take_named("caller");
    define_special("caller", caller ? *caller : Value::undefined("No caller defined"));
  }
  if (macro.uses_kwargs) {
    auto dict = std::make_shared<Dict>();
    for (auto& [name, value] : named) dict->set(name, std::move(value));
    define_special("kwargs", rt_.dict(std::move(dict)));
  } else if (!named.empty()) {
    rt_.fail(fmt::format("macro {} takes no keyword argument {}", quoted(macro.name),
                         quoted(named.front().first)));
  }
  if (macro.uses_varargs) {
    define_special("varargs", rt_.tuple({args.positional.begin() + static_cast<ptrdiff_t>(given),
                                         args.positional.end()}));
  } else if (args.positional.size() > count) {
    rt_.fail(fmt::format("macro {} takes not more than {} argument(s)", quoted(macro.name), count));
  }
  for (const size_t i : missing) {
    if (rt_.failed()) break;
    const MacroBody::Parameter& parameter = macro.parameters[i];
    const std::string& name = template_.names[parameter.name];
    define(parameter.name,
           parameter.fallback
               ? evaluate(*parameter.fallback)
               : Value::undefined(fmt::format("parameter {} was not provided", quoted(name))));
  }
  return !rt_.failed();
}

}  // namespace bora::jinja
