// The expressions of a template's syntax tree. Rules of ownership and depth: ast.h.
#pragma once

#include "text/jinja/operators.h"
#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bora::jinja {

// An index into Template::names: every identifier that the template reads or assigns.
using NameId = uint32_t;

enum class ExprKind : uint8_t {
  kConstant,
  kName,
  kSequence,
  kDict,
  kUnary,
  kBinary,
  kLogic,
  kConcat,
  kCompare,
  kConditional,
  kAttribute,
  kItem,
  kSlice,
  kCall,
  kFilter,
  kTest,
};

struct Expr {
  Expr(ExprKind expr_kind, int source_line) : kind(expr_kind), line(source_line) {}
  Expr(const Expr&) = delete;
  Expr& operator=(const Expr&) = delete;
  virtual ~Expr() = default;
  ExprKind kind;
  int line;
  int height = 1;  // 1 + that of the highest child
};
using ExprPtr = std::unique_ptr<Expr>;

template <ExprKind K>
struct ExprOf : Expr {
  explicit ExprOf(int source_line) : Expr(K, source_line) {}
};

struct CallArgs {
  std::vector<ExprPtr> positional;
  std::vector<std::pair<std::string, ExprPtr>> named;
  ExprPtr star;       // *args
  ExprPtr star_star;  // **kwargs
};

struct ConstantExpr : ExprOf<ExprKind::kConstant> {
  using ExprOf::ExprOf;
  Value value;
};
struct NameExpr : ExprOf<ExprKind::kName> {
  using ExprOf::ExprOf;
  NameId name = 0;
};
struct SequenceExpr : ExprOf<ExprKind::kSequence> {
  using ExprOf::ExprOf;
  std::vector<ExprPtr> items;
  bool is_tuple = false;
};
struct DictExpr : ExprOf<ExprKind::kDict> {
  using ExprOf::ExprOf;
  std::vector<std::pair<ExprPtr, ExprPtr>> entries;
};
enum class UnaryOp : uint8_t { kNot, kNegate, kPlus };
struct UnaryExpr : ExprOf<ExprKind::kUnary> {
  using ExprOf::ExprOf;
  UnaryOp op = UnaryOp::kNot;
  ExprPtr operand;
};
struct BinaryExpr : ExprOf<ExprKind::kBinary> {
  using ExprOf::ExprOf;
  BinaryOp op = BinaryOp::kAdd;
  ExprPtr left;
  ExprPtr right;
};
struct LogicExpr : ExprOf<ExprKind::kLogic> {
  using ExprOf::ExprOf;
  bool is_and = false;
  ExprPtr left;
  ExprPtr right;
};
struct ConcatExpr : ExprOf<ExprKind::kConcat> {
  using ExprOf::ExprOf;
  std::vector<ExprPtr> parts;
};
struct CompareExpr : ExprOf<ExprKind::kCompare> {
  using ExprOf::ExprOf;
  ExprPtr first;
  std::vector<std::pair<CompareOp, ExprPtr>> rest;
};
struct ConditionalExpr : ExprOf<ExprKind::kConditional> {
  using ExprOf::ExprOf;
  ExprPtr test;
  ExprPtr then;
  ExprPtr otherwise;  // null: undefined
};
struct AttributeExpr : ExprOf<ExprKind::kAttribute> {
  using ExprOf::ExprOf;
  ExprPtr object;
  std::string name;
};
struct ItemExpr : ExprOf<ExprKind::kItem> {
  using ExprOf::ExprOf;
  ExprPtr object;
  ExprPtr key;
};
struct SliceExpr : ExprOf<ExprKind::kSlice> {
  using ExprOf::ExprOf;
  ExprPtr object;
  ExprPtr start;  // null where left out, as the others
  ExprPtr stop;
  ExprPtr step;
};
struct CallExpr : ExprOf<ExprKind::kCall> {
  using ExprOf::ExprOf;
  ExprPtr callee;
  CallArgs args;
};
struct FilterExpr : ExprOf<ExprKind::kFilter> {
  using ExprOf::ExprOf;
  ExprPtr input;  // null at the start of a filter or set block: the block's text
  std::string name;
  const NamedFunction* function = nullptr;  // null: there is none of that name
  CallArgs args;
};
struct TestExpr : ExprOf<ExprKind::kTest> {
  using ExprOf::ExprOf;
  ExprPtr input;
  std::string name;
  const NamedFunction* function = nullptr;
  bool negated = false;
  CallArgs args;
};

}  // namespace bora::jinja
