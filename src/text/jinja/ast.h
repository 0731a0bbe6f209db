// The syntax tree of a template. Nodes own their children; the parser bounds how deep they nest, so
// recursion over them (destruction included) is safe. Immutable after parsing, shared by renders.
#pragma once

#include "text/jinja/expression.h"

namespace bora::jinja {

// What an assignment writes to: a name, a namespace's attribute, or a tuple of targets.
struct Target {
  enum class Kind : uint8_t { kName, kAttribute, kTuple };
  Kind kind = Kind::kName;
  NameId name = 0;
  std::string attribute;
  std::vector<Target> items;
};

enum class NodeKind : uint8_t {
  kText,
  kOutput,
  kFor,
  kIf,
  kMacro,
  kCallBlock,
  kFilterBlock,
  kSet,
  kSetBlock,
  kWith,
  kScope,
  kBreak,
  kContinue,
};

struct Node {
  Node(NodeKind node_kind, int source_line) : kind(node_kind), line(source_line) {}
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  virtual ~Node() = default;
  NodeKind kind;
  int line;
};
using NodePtr = std::unique_ptr<Node>;
using Body = std::vector<NodePtr>;

template <NodeKind K>
struct NodeOf : Node {
  explicit NodeOf(int source_line) : Node(K, source_line) {}
};

struct TextNode : NodeOf<NodeKind::kText> {
  using NodeOf::NodeOf;
  std::string text;
};
struct OutputNode : NodeOf<NodeKind::kOutput> {
  using NodeOf::NodeOf;
  ExprPtr value;
};
struct ForNode : NodeOf<NodeKind::kFor> {
  using NodeOf::NodeOf;
  Target target;
  ExprPtr iterable;
  ExprPtr filter;  // null: every item
  bool recursive = false;
  Body body;
  Body otherwise;
};
struct IfNode : NodeOf<NodeKind::kIf> {
  using NodeOf::NodeOf;
  std::vector<std::pair<ExprPtr, Body>> branches;
  Body otherwise;
};
// The parameters and body that a macro and a call block's caller have in common.
struct MacroBody {
  struct Parameter {
    NameId name = 0;
    ExprPtr fallback;  // null: undefined
  };
  std::string name;  // empty: a caller
  std::vector<Parameter> parameters;
  bool uses_caller = false;
  bool explicit_caller = false;  // a parameter is called so
  bool uses_kwargs = false;
  bool uses_varargs = false;
  Body body;
};
struct MacroNode : NodeOf<NodeKind::kMacro> {
  using NodeOf::NodeOf;
  NameId name = 0;
  MacroBody macro;
};
struct CallBlockNode : NodeOf<NodeKind::kCallBlock> {
  using NodeOf::NodeOf;
  ExprPtr call;  // a CallExpr
  MacroBody caller;
};
struct FilterBlockNode : NodeOf<NodeKind::kFilterBlock> {
  using NodeOf::NodeOf;
  ExprPtr filter;
  Body body;
};
struct SetNode : NodeOf<NodeKind::kSet> {
  using NodeOf::NodeOf;
  Target target;
  ExprPtr value;
};
struct SetBlockNode : NodeOf<NodeKind::kSetBlock> {
  using NodeOf::NodeOf;
  Target target;
  ExprPtr filter;  // null: the text as it is
  Body body;
};
struct WithNode : NodeOf<NodeKind::kWith> {
  using NodeOf::NodeOf;
  std::vector<std::pair<Target, ExprPtr>> assignments;
  Body body;
};
// A body with assignments of its own: generation and block tags.
struct ScopeNode : NodeOf<NodeKind::kScope> {
  using NodeOf::NodeOf;
  bool from_root = false;  // sees the template's top level only, as a block does
  Body body;
};
struct BreakNode : NodeOf<NodeKind::kBreak> {
  using NodeOf::NodeOf;
};
struct ContinueNode : NodeOf<NodeKind::kContinue> {
  using NodeOf::NodeOf;
};

struct Template {
  std::vector<std::string> names;
  Body body;
};

}  // namespace bora::jinja
