// Expressions.
#include "base/check.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/operators.h"
#include "text/jinja/repr.h"

#include <fmt/format.h>

namespace bora::jinja {

Value Interpreter::evaluate(const Expr& expr) {
  const Runtime::Descent descent(rt_);
  if (!descent.ok() || !rt_.charge()) return {};
  return evaluate_node(expr);
}

Value Interpreter::evaluate_node(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kConstant:
      return static_cast<const ConstantExpr&>(expr).value;
    case ExprKind::kName:
      return evaluate_name(static_cast<const NameExpr&>(expr));
    case ExprKind::kSequence:
      return evaluate_sequence(static_cast<const SequenceExpr&>(expr));
    case ExprKind::kDict:
      return evaluate_dict(static_cast<const DictExpr&>(expr));
    case ExprKind::kUnary:
      return evaluate_unary(static_cast<const UnaryExpr&>(expr));
    case ExprKind::kBinary:
      return evaluate_binary(static_cast<const BinaryExpr&>(expr));
    case ExprKind::kLogic:
      return evaluate_logic(static_cast<const LogicExpr&>(expr));
    case ExprKind::kConcat:
      return evaluate_concat(static_cast<const ConcatExpr&>(expr));
    case ExprKind::kCompare:
      return evaluate_compare(static_cast<const CompareExpr&>(expr));
    case ExprKind::kConditional:
      return evaluate_conditional(static_cast<const ConditionalExpr&>(expr));
    case ExprKind::kAttribute: {
      const auto& node = static_cast<const AttributeExpr&>(expr);
      const Value object = evaluate(*node.object);
      return rt_.failed() ? Value() : get_attribute(rt_, object, node.name);
    }
    case ExprKind::kItem: {
      const auto& node = static_cast<const ItemExpr&>(expr);
      const Value object = evaluate(*node.object);
      const Value key = evaluate(*node.key);
      return rt_.failed() ? Value() : get_item(rt_, object, key);
    }
    case ExprKind::kSlice:
      return evaluate_slice(static_cast<const SliceExpr&>(expr));
    case ExprKind::kCall:
      return evaluate_call(static_cast<const CallExpr&>(expr), nullptr);
    case ExprKind::kFilter:
      return evaluate_filter(static_cast<const FilterExpr&>(expr), nullptr);
    case ExprKind::kTest:
      return evaluate_test(static_cast<const TestExpr&>(expr));
  }
  return {};
}

Value Interpreter::evaluate_name(const NameExpr& expr) {
  if (const Value* value = find(expr.name)) return *value;
  return Value::undefined(fmt::format("{} is undefined", quoted(template_.names[expr.name])));
}

Value Interpreter::evaluate_sequence(const SequenceExpr& expr) {
  std::vector<Value> items;
  items.reserve(expr.items.size());
  for (const ExprPtr& item : expr.items) items.push_back(evaluate(*item));
  return expr.is_tuple ? rt_.tuple(std::move(items)) : rt_.list(std::move(items));
}

Value Interpreter::evaluate_dict(const DictExpr& expr) {
  auto dict = std::make_shared<Dict>();
  for (const auto& [key, value] : expr.entries) {
    const Value key_value = evaluate(*key);
    if (!rt_.set_entry(*dict, key_value, evaluate(*value))) return {};
  }
  return rt_.dict(std::move(dict));
}

Value Interpreter::evaluate_unary(const UnaryExpr& expr) {
  const Value operand = evaluate(*expr.operand);
  if (rt_.failed()) return {};
  switch (expr.op) {
    case UnaryOp::kNot:
      return Value::boolean(!is_true(operand));
    case UnaryOp::kNegate:
      return negate(rt_, operand);
    case UnaryOp::kPlus:
      return plus(rt_, operand);
  }
  return {};
}

Value Interpreter::evaluate_binary(const BinaryExpr& expr) {
  const Value left = evaluate(*expr.left);
  const Value right = evaluate(*expr.right);
  if (rt_.failed()) return {};
  rt_.set_line(expr.line);
  return arithmetic(rt_, expr.op, left, right);
}

Value Interpreter::evaluate_logic(const LogicExpr& expr) {
  Value left = evaluate(*expr.left);
  return is_true(left) == expr.is_and ? evaluate(*expr.right) : left;
}

Value Interpreter::evaluate_concat(const ConcatExpr& expr) {
  std::string text;
  for (const ExprPtr& part : expr.parts) {
    const Value value = evaluate(*part);
    if (rt_.failed()) return {};
    if (value.is_string()) {
      text += value.text();
    } else {
      text += to_text(rt_, value);
    }
    if (text.size() > kMaxStringBytes) break;
  }
  return rt_.string(std::move(text));
}

Value Interpreter::evaluate_compare(const CompareExpr& expr) {
  Value left = evaluate(*expr.first);
  for (const auto& [op, operand] : expr.rest) {
    Value right = evaluate(*operand);
    if (rt_.failed()) return {};
    rt_.set_line(expr.line);
    if (!compare(rt_, op, left, right)) return Value::boolean(false);
    left = std::move(right);
  }
  return Value::boolean(true);
}

Value Interpreter::evaluate_conditional(const ConditionalExpr& expr) {
  const bool test = is_true(evaluate(*expr.test));
  if (rt_.failed()) return {};
  if (test) return evaluate(*expr.then);
  if (expr.otherwise) return evaluate(*expr.otherwise);
  return Value::undefined(fmt::format(
      "the inline if-expression on line {} evaluated to false and no else section was defined.",
      expr.line));
}

Value Interpreter::evaluate_slice(const SliceExpr& expr) {
  const Value object = evaluate(*expr.object);
  const auto part = [&](const ExprPtr& bound) { return bound ? evaluate(*bound) : Value::none(); };
  const Value start = part(expr.start);
  const Value stop = part(expr.stop);
  const Value step = part(expr.step);
  return rt_.failed() ? Value() : get_slice(rt_, object, start, stop, step);
}

bool Interpreter::evaluate_args(const CallArgs& source, Args& args) {
  for (const ExprPtr& arg : source.positional) args.positional.push_back(evaluate(*arg));
  for (const auto& [name, arg] : source.named) args.named.emplace_back(name, evaluate(*arg));
  if (source.star) {
    const std::vector<Value> more = items_of(rt_, evaluate(*source.star));
    args.positional.insert(args.positional.end(), more.begin(), more.end());
  }
  if (source.star_star) {
    const Value more = evaluate(*source.star_star);
    if (!more.is_dict()) {
      rt_.fail(fmt::format("argument after ** must be a mapping, not {}", type_name(more)));
      return false;
    }
    for (const auto& [key, value] : more.as_dict().entries()) {
      if (!key.is_string() || args.find(key.text()) != nullptr || !rt_.charge(args.named.size())) {
        rt_.fail("keywords must be strings, each given once");
        return false;
      }
      args.named.emplace_back(key.text(), value);
    }
  }
  return !rt_.failed();
}

Value Interpreter::evaluate_call(const CallExpr& expr, const Value* caller) {
  const Value callee = evaluate(*expr.callee);
  Args args;
  if (rt_.failed() || !evaluate_args(expr.args, args)) return {};
  if (caller != nullptr) {
    if (args.find("caller") != nullptr) return rt_.fail("keyword argument repeated: caller");
    args.named.emplace_back("caller", *caller);
  }
  rt_.set_line(expr.line);
  return call(rt_, callee, args);
}

Value Interpreter::evaluate_filter(const FilterExpr& expr, const Value* block_text) {
  const Runtime::Descent descent(rt_);
  if (!descent.ok()) return {};
  Value input;
  if (!expr.input) {
    CHECK(block_text != nullptr, "a filter without an input belongs to a block");
    input = *block_text;
  } else if (block_text != nullptr) {
    input = evaluate_filter(static_cast<const FilterExpr&>(*expr.input), block_text);
  } else {
    input = evaluate(*expr.input);
  }
  Args args;
  if (rt_.failed() || !evaluate_args(expr.args, args)) return {};
  rt_.set_line(expr.line);
  if (expr.function == nullptr) {
    return rt_.fail(fmt::format("No filter named {} found.", quoted(expr.name)));
  }
  return expr.function->function(rt_, input, args);
}

Value Interpreter::evaluate_test(const TestExpr& expr) {
  const Value input = evaluate(*expr.input);
  Args args;
  if (rt_.failed() || !evaluate_args(expr.args, args)) return {};
  rt_.set_line(expr.line);
  if (expr.function == nullptr) {
    return rt_.fail(fmt::format("No test named {} found.", quoted(expr.name)));
  }
  const Value result = expr.function->function(rt_, input, args);
  return Value::boolean(is_true(result) != expr.negated);
}

}  // namespace bora::jinja
