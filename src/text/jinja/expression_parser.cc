#include "text/jinja/expression_parser.h"

#include "text/jinja/builtins.h"
#include "text/jinja/limits.h"
#include "text/jinja/repr.h"

#include <fmt/format.h>

#include <algorithm>

namespace bora::jinja {
namespace {

constexpr std::array<std::pair<std::string_view, CompareOp>, 6> kCompareOps = {
    {{"==", CompareOp::kEq},
     {"!=", CompareOp::kNe},
     {"<", CompareOp::kLt},
     {"<=", CompareOp::kLe},
     {">", CompareOp::kGt},
     {">=", CompareOp::kGe}}};
constexpr std::array<std::pair<std::string_view, BinaryOp>, 2> kSumOps = {
    {{"+", BinaryOp::kAdd}, {"-", BinaryOp::kSub}}};
constexpr std::array<std::pair<std::string_view, BinaryOp>, 4> kProductOps = {
    {{"*", BinaryOp::kMul},
     {"/", BinaryOp::kDiv},
     {"//", BinaryOp::kFloorDiv},
     {"%", BinaryOp::kMod}}};

// The operator at the cursor among `ops`, or nothing.
template <class Op, size_t N>
std::optional<Op> operator_among(const TokenStream& stream,
                                 const std::array<std::pair<std::string_view, Op>, N>& ops) {
  if (!stream.at(TokenKind::kOperator)) return std::nullopt;
  for (const auto& [text, op] : ops) {
    if (stream.current().text == text) return op;
  }
  return std::nullopt;
}

}  // namespace

ExprPtr ExpressionParser::placeholder() {
  return std::make_unique<ConstantExpr>(stream_.current().line);
}

void ExpressionParser::grow(Expr& node, std::initializer_list<const Expr*> children) {
  for (const Expr* child : children) {
    if (child != nullptr) node.height = std::max(node.height, child->height + 1);
  }
  if (node.height > kMaxNodeHeight) {
    stream_.fail(
        node.line,
        fmt::format("an expression of more than {} levels (limit kMaxNodeHeight)", kMaxNodeHeight));
  }
}

void ExpressionParser::grow(Expr& node, const CallArgs& args) {
  for (const ExprPtr& arg : args.positional) grow(node, {arg.get()});
  for (const auto& [name, arg] : args.named) grow(node, {arg.get()});
  grow(node, {args.star.get(), args.star_star.get()});
}

NameId ExpressionParser::intern(std::string_view name) {
  const auto [entry, added] =
      ids_.try_emplace(std::string(name), static_cast<NameId>(names_.size()));
  if (added) names_.emplace_back(name);
  return entry->second;
}

ExpressionParser::SpecialNames ExpressionParser::end_macro() {
  const SpecialNames names = macros_.back();
  macros_.pop_back();
  return names;
}

void ExpressionParser::note_read(std::string_view name) {
  for (SpecialNames& macro : macros_) {
    for (size_t i = 0; i < macro.used.size(); ++i) {
      if (name == SpecialNames::kNames[i] && !macro.assigned[i]) macro.used[i] = true;
    }
  }
}

void ExpressionParser::note_assigned(std::string_view name) {
  for (SpecialNames& macro : macros_) {
    for (size_t i = 0; i < macro.used.size(); ++i) {
      if (name == SpecialNames::kNames[i]) macro.assigned[i] = true;
    }
  }
}

void ExpressionParser::note_unknown(int line, std::string message) {
  if (!lenient_) unknown_.emplace_back(line, std::move(message));
}

ExprPtr ExpressionParser::parse_expression(bool with_conditional) {
  const TokenStream::Descent descent(stream_);
  if (!descent.ok()) return placeholder();
  if (with_conditional) return parse_conditional();
  return parse_or();
}

ExprPtr ExpressionParser::parse_conditional() {
  const TokenStream::Descent descent(stream_);
  if (!descent.ok()) return placeholder();
  const size_t known_unknown = unknown_.size();
  int line = stream_.current().line;
  ExprPtr expr = parse_or();
  while (stream_.skip_name("if")) {
    auto node = std::make_unique<ConditionalExpr>(line);
    node->then = std::move(expr);
    node->test = parse_or();
    if (stream_.skip_name("else")) node->otherwise = parse_conditional();
    grow(*node, {node->then.get(), node->test.get(), node->otherwise.get()});
    unknown_.resize(std::min(known_unknown, unknown_.size()));
    expr = std::move(node);
    line = stream_.current().line;
  }
  return expr;
}

ExprPtr ExpressionParser::parse_or() {
  ExprPtr left = parse_and();
  while (stream_.at_name("or")) {
    auto node = std::make_unique<LogicExpr>(stream_.take().line);
    node->left = std::move(left);
    node->right = parse_and();
    grow(*node, {node->left.get(), node->right.get()});
    left = std::move(node);
  }
  return left;
}

ExprPtr ExpressionParser::parse_and() {
  ExprPtr left = parse_not();
  while (stream_.at_name("and")) {
    auto node = std::make_unique<LogicExpr>(stream_.take().line);
    node->is_and = true;
    node->left = std::move(left);
    node->right = parse_not();
    grow(*node, {node->left.get(), node->right.get()});
    left = std::move(node);
  }
  return left;
}

ExprPtr ExpressionParser::parse_not() {
  if (!stream_.at_name("not")) return parse_compare();
  const TokenStream::Descent descent(stream_);
  if (!descent.ok()) return placeholder();
  auto node = std::make_unique<UnaryExpr>(stream_.take().line);
  node->operand = parse_not();
  grow(*node, {node->operand.get()});
  return node;
}

ExprPtr ExpressionParser::parse_compare() {
  const int line = stream_.current().line;
  auto node = std::make_unique<CompareExpr>(line);
  ExprPtr first = parse_sum();
  while (true) {
    if (const auto op = operator_among(stream_, kCompareOps)) {
      stream_.take();
      node->rest.emplace_back(*op, parse_sum());
    } else if (stream_.skip_name("in")) {
      node->rest.emplace_back(CompareOp::kIn, parse_sum());
    } else if (stream_.at_name("not") && stream_.ahead().kind == TokenKind::kName &&
               stream_.ahead().text == "in") {
      stream_.take();
      stream_.take();
      node->rest.emplace_back(CompareOp::kNotIn, parse_sum());
    } else {
      break;
    }
  }
  if (node->rest.empty()) return first;
  node->first = std::move(first);
  grow(*node, {node->first.get()});
  for (const auto& [op, operand] : node->rest) grow(*node, {operand.get()});
  return node;
}

ExprPtr ExpressionParser::parse_sum() {
  ExprPtr left = parse_concat();
  while (const auto op = operator_among(stream_, kSumOps)) {
    auto node = std::make_unique<BinaryExpr>(stream_.take().line);
    node->op = *op;
    node->left = std::move(left);
    node->right = parse_concat();
    grow(*node, {node->left.get(), node->right.get()});
    left = std::move(node);
  }
  return left;
}

ExprPtr ExpressionParser::parse_concat() {
  const int line = stream_.current().line;
  ExprPtr first = parse_product();
  if (!stream_.at_operator("~")) return first;
  auto node = std::make_unique<ConcatExpr>(line);
  node->parts.push_back(std::move(first));
  while (stream_.skip_operator("~")) node->parts.push_back(parse_product());
  for (const ExprPtr& part : node->parts) grow(*node, {part.get()});
  return node;
}

ExprPtr ExpressionParser::parse_product() {
  ExprPtr left = parse_power();
  while (const auto op = operator_among(stream_, kProductOps)) {
    auto node = std::make_unique<BinaryExpr>(stream_.take().line);
    node->op = *op;
    node->left = std::move(left);
    node->right = parse_power();
    grow(*node, {node->left.get(), node->right.get()});
    left = std::move(node);
  }
  return left;
}

// Unlike Python's, jinja2's ** groups from the left.
ExprPtr ExpressionParser::parse_power() {
  ExprPtr left = parse_unary(true);
  while (stream_.at_operator("**")) {
    auto node = std::make_unique<BinaryExpr>(stream_.take().line);
    node->op = BinaryOp::kPow;
    node->left = std::move(left);
    node->right = parse_unary(true);
    grow(*node, {node->left.get(), node->right.get()});
    left = std::move(node);
  }
  return left;
}

ExprPtr ExpressionParser::parse_unary(bool with_filter) {
  const TokenStream::Descent descent(stream_);
  if (!descent.ok()) return placeholder();
  ExprPtr expr;
  if (stream_.at_operator("-") || stream_.at_operator("+")) {
    const Token& sign = stream_.take();
    auto node = std::make_unique<UnaryExpr>(sign.line);
    node->op = sign.text == "-" ? UnaryOp::kNegate : UnaryOp::kPlus;
    node->operand = parse_unary(false);
    grow(*node, {node->operand.get()});
    expr = std::move(node);
  } else {
    expr = parse_primary();
  }
  expr = parse_postfix(std::move(expr));
  return with_filter ? parse_filter_chain(std::move(expr)) : std::move(expr);
}

ExprPtr ExpressionParser::parse_primary() {
  const Token& token = stream_.current();
  if (token.kind == TokenKind::kName) return parse_name();
  if (token.kind == TokenKind::kConstant) {
    auto node = std::make_unique<ConstantExpr>(token.line);
    node->value = stream_.take().value;
    if (!node->value.is_string() || !stream_.current().value.is_string()) return node;
    std::string text = node->value.text();
    while (stream_.at(TokenKind::kConstant) && stream_.current().value.is_string()) {
      text += stream_.take().value.text();
    }
    node->value = Value::string(std::move(text));
    return node;
  }
  if (stream_.skip_operator("(")) {
    ExprPtr expr = parse_tuple(true, true);
    stream_.expect_operator(")");
    return expr;
  }
  if (stream_.at_operator("[")) return parse_list();
  if (stream_.at_operator("{")) return parse_dict();
  stream_.fail(fmt::format("unexpected {}", describe(token)));
  return placeholder();
}

ExprPtr ExpressionParser::parse_name() {
  const Token& token = stream_.take();
  const bool is_true = token.text == "true" || token.text == "True";
  if (is_true || token.text == "false" || token.text == "False") {
    auto node = std::make_unique<ConstantExpr>(token.line);
    node->value = Value::boolean(is_true);
    return node;
  }
  if (token.text == "none" || token.text == "None") {
    auto node = std::make_unique<ConstantExpr>(token.line);
    node->value = Value::none();
    return node;
  }
  auto node = std::make_unique<NameExpr>(token.line);
  node->name = intern(token.text);
  note_read(token.text);
  return node;
}

bool ExpressionParser::at_tuple_end() const {
  return stream_.at(TokenKind::kVariableEnd) || stream_.at(TokenKind::kBlockEnd) ||
         stream_.at_operator(")");
}

ExprPtr ExpressionParser::parse_tuple(bool with_conditional, bool parenthesized) {
  auto node = std::make_unique<SequenceExpr>(stream_.current().line);
  node->is_tuple = true;
  bool has_comma = false;
  while (!stream_.failed()) {
    if (!node->items.empty()) stream_.expect_operator(",");
    if (at_tuple_end()) break;
    node->items.push_back(parse_expression(with_conditional));
    if (!stream_.at_operator(",")) break;
    has_comma = true;
  }
  if (!has_comma) {
    if (!node->items.empty()) return std::move(node->items.front());
    if (!parenthesized) {
      stream_.fail(fmt::format("Expected an expression, got {}", describe(stream_.current())));
    }
  }
  for (const ExprPtr& item : node->items) grow(*node, {item.get()});
  return node;
}

ExprPtr ExpressionParser::parse_list() {
  auto node = std::make_unique<SequenceExpr>(stream_.take().line);
  while (!stream_.at_operator("]") && !stream_.failed()) {
    if (!node->items.empty()) stream_.expect_operator(",");
    if (stream_.at_operator("]")) break;
    node->items.push_back(parse_expression());
    grow(*node, {node->items.back().get()});
  }
  stream_.expect_operator("]");
  return node;
}

ExprPtr ExpressionParser::parse_dict() {
  auto node = std::make_unique<DictExpr>(stream_.take().line);
  while (!stream_.at_operator("}") && !stream_.failed()) {
    if (!node->entries.empty()) stream_.expect_operator(",");
    if (stream_.at_operator("}")) break;
    ExprPtr key = parse_expression();
    stream_.expect_operator(":");
    ExprPtr value = parse_expression();
    grow(*node, {key.get(), value.get()});
    node->entries.emplace_back(std::move(key), std::move(value));
  }
  stream_.expect_operator("}");
  return node;
}

}  // namespace bora::jinja
