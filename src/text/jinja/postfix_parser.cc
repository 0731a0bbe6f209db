// What follows a primary expression: attributes, subscripts, calls, filters, tests. And targets.
#include "text/jinja/builtins.h"
#include "text/jinja/expression_parser.h"
#include "text/jinja/limits.h"
#include "text/jinja/repr.h"

#include <fmt/format.h>

#include <algorithm>

namespace bora::jinja {

const Token& TokenStream::take() {
  const Token& token = tokens_[at_];
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool TokenStream::skip_operator(std::string_view text) {
  if (!at_operator(text)) return false;
  take();
  return true;
}

bool TokenStream::skip_name(std::string_view text) {
  if (!at_name(text)) return false;
  take();
  return true;
}

void TokenStream::expect(TokenKind kind, std::string_view what) {
  if (at(kind)) {
    take();
  } else {
    fail(fmt::format("expected {}, got {}", what, describe(current())));
  }
}

void TokenStream::expect_operator(std::string_view text) {
  if (!skip_operator(text)) fail(fmt::format("expected '{}', got {}", text, describe(current())));
}

std::string TokenStream::expect_name() {
  if (at(TokenKind::kName)) return take().text;
  fail(fmt::format("expected a name, got {}", describe(current())));
  return {};
}

void TokenStream::fail(int line, std::string_view message) {
  if (!error_) error_ = template_error(line, message);
  at_ = tokens_.size() - 1;
}

TokenStream::Descent::Descent(TokenStream& stream) : stream_(stream) {
  if (++stream_.depth_ > kMaxParseDepth) {
    stream_.fail(fmt::format("nesting deeper than {} (limit kMaxParseDepth)", kMaxParseDepth));
  }
}

std::string describe(const Token& token) {
  switch (token.kind) {
    case TokenKind::kData:
      return "template data";
    case TokenKind::kVariableBegin:
      return "'{{'";
    case TokenKind::kVariableEnd:
      return "'}}'";
    case TokenKind::kBlockBegin:
      return "'{%'";
    case TokenKind::kBlockEnd:
      return "'%}'";
    case TokenKind::kName:
    case TokenKind::kOperator:
      return fmt::format("'{}'", token.text);
    case TokenKind::kConstant:
      return token.value.is_string() ? "a string" : "a number";
    case TokenKind::kEnd:
      return "the end of the template";
  }
  return "";
}

ExprPtr ExpressionParser::parse_postfix(ExprPtr expr) {
  while (true) {
    if (stream_.at_operator(".") || stream_.at_operator("[")) {
      expr = parse_subscript(std::move(expr));
    } else if (stream_.at_operator("(")) {
      expr = parse_call(std::move(expr));
    } else {
      return expr;
    }
  }
}

ExprPtr ExpressionParser::parse_filter_chain(ExprPtr expr) {
  while (true) {
    if (stream_.at_operator("|")) {
      expr = parse_filters(std::move(expr), false);
    } else if (stream_.at_name("is")) {
      expr = parse_test(std::move(expr));
    } else if (stream_.at_operator("(")) {
      expr = parse_call(std::move(expr));
    } else {
      return expr;
    }
  }
}

ExprPtr ExpressionParser::parse_subscript(ExprPtr object) {
  const Token& opening = stream_.take();
  if (opening.text == "[") return parse_brackets(std::move(object), opening.line);
  const Token& name = stream_.take();
  if (name.kind == TokenKind::kName) {
    auto node = std::make_unique<AttributeExpr>(opening.line);
    node->object = std::move(object);
    node->name = name.text;
    grow(*node, {node->object.get()});
    return node;
  }
  if (name.kind != TokenKind::kConstant || !name.value.is_int()) {
    stream_.fail(name.line, "expected name or number");
    return placeholder();
  }
  auto key = std::make_unique<ConstantExpr>(name.line);
  key->value = name.value;
  auto node = std::make_unique<ItemExpr>(opening.line);
  node->object = std::move(object);
  node->key = std::move(key);
  grow(*node, {node->object.get()});
  return node;
}

ExprPtr ExpressionParser::parse_brackets(ExprPtr object, int line) {
  auto tuple = std::make_unique<SequenceExpr>(line);
  tuple->is_tuple = true;
  while (!stream_.at_operator("]") && !stream_.failed()) {
    if (!tuple->items.empty()) stream_.expect_operator(",");
    ExprPtr item;
    if (!stream_.at_operator(":")) item = parse_expression();
    if (stream_.at_operator(":")) {
      if (!tuple->items.empty()) stream_.fail("slices in a subscript of several parts");
      ExprPtr slice = parse_slice(std::move(object), std::move(item), line);
      stream_.expect_operator("]");
      return slice;
    }
    tuple->items.push_back(item ? std::move(item) : placeholder());
    grow(*tuple, {tuple->items.back().get()});
  }
  stream_.expect_operator("]");
  auto node = std::make_unique<ItemExpr>(line);
  node->object = std::move(object);
  if (tuple->items.size() == 1) {
    node->key = std::move(tuple->items.front());
  } else {
    node->key = std::move(tuple);
  }
  grow(*node, {node->object.get(), node->key.get()});
  return node;
}

// From the first colon on.
ExprPtr ExpressionParser::parse_slice(ExprPtr object, ExprPtr start, int line) {
  auto node = std::make_unique<SliceExpr>(line);
  node->object = std::move(object);
  node->start = std::move(start);
  stream_.expect_operator(":");
  const auto at_part = [&] {
    return !stream_.at_operator("]") && !stream_.at_operator(",") && !stream_.failed();
  };
  if (at_part() && !stream_.at_operator(":")) node->stop = parse_expression();
  if (stream_.skip_operator(":") && at_part()) node->step = parse_expression();
  grow(*node, {node->object.get(), node->start.get(), node->stop.get(), node->step.get()});
  return node;
}

CallArgs ExpressionParser::parse_call_args() {
  CallArgs args;
  const int line = stream_.current().line;
  stream_.expect_operator("(");
  bool needs_comma = false;
  const auto ensure = [&](bool valid) {
    if (!valid) stream_.fail(line, "invalid syntax for function call expression");
  };
  while (!stream_.at_operator(")") && !stream_.failed()) {
    if (needs_comma) {
      stream_.expect_operator(",");
      if (stream_.at_operator(")")) break;
    }
    if (stream_.skip_operator("*")) {
      ensure(!args.star && !args.star_star);
      args.star = parse_expression();
    } else if (stream_.skip_operator("**")) {
      ensure(!args.star_star);
      args.star_star = parse_expression();
    } else if (stream_.at(TokenKind::kName) && stream_.ahead().kind == TokenKind::kOperator &&
               stream_.ahead().text == "=") {
      ensure(!args.star_star);
      const std::string name = stream_.take().text;
      stream_.take();
      for (const auto& [other, value] : args.named) {
        if (other == name) stream_.fail(line, "keyword argument repeated: " + name);
      }
      args.named.emplace_back(name, parse_expression());
    } else {
      ensure(!args.star && !args.star_star && args.named.empty());
      args.positional.push_back(parse_expression());
    }
    needs_comma = true;
  }
  stream_.expect_operator(")");
  return args;
}

ExprPtr ExpressionParser::parse_call(ExprPtr callee) {
  auto node = std::make_unique<CallExpr>(stream_.current().line);
  node->callee = std::move(callee);
  node->args = parse_call_args();
  grow(*node, {node->callee.get()});
  grow(*node, node->args);
  return node;
}

ExprPtr ExpressionParser::parse_filters(ExprPtr input, bool inline_start) {
  while (stream_.at_operator("|") || inline_start) {
    if (!inline_start) stream_.take();
    inline_start = false;
    auto node = std::make_unique<FilterExpr>(stream_.current().line);
    node->name = stream_.expect_name();
    while (stream_.skip_operator(".")) node->name += "." + stream_.expect_name();
    node->function = find_filter(node->name);
    if (node->function == nullptr) {
      note_unknown(node->line, fmt::format("No filter named {}.", quoted(node->name)));
    }
    if (stream_.at_operator("(")) node->args = parse_call_args();
    node->input = std::move(input);
    grow(*node, {node->input.get()});
    grow(*node, node->args);
    input = std::move(node);
  }
  return input;
}

ExprPtr ExpressionParser::parse_test(ExprPtr input) {
  auto node = std::make_unique<TestExpr>(stream_.take().line);
  node->negated = stream_.skip_name("not");
  node->name = stream_.expect_name();
  while (stream_.skip_operator(".")) node->name += "." + stream_.expect_name();
  node->function = find_test(node->name);
  if (node->function == nullptr) {
    note_unknown(node->line, fmt::format("No test named {}.", quoted(node->name)));
  }
  node->input = std::move(input);
  if (stream_.at_operator("(")) {
    node->args = parse_call_args();
  } else {
    parse_test_argument(node->args);
  }
  grow(*node, {node->input.get()});
  grow(*node, node->args);
  return node;
}

// `x is divisibleby 3`: one argument may follow without parentheses.
void ExpressionParser::parse_test_argument(CallArgs& args) {
  const bool starts = stream_.at(TokenKind::kName) || stream_.at(TokenKind::kConstant) ||
                      stream_.at_operator("[") || stream_.at_operator("{");
  if (!starts || stream_.at_name("else") || stream_.at_name("or") || stream_.at_name("and")) return;
  if (stream_.at_name("is")) return stream_.fail("You cannot chain multiple tests with is");
  args.positional.push_back(parse_postfix(parse_primary()));
}

NameId ExpressionParser::parse_name_target() {
  const int line = stream_.current().line;
  const std::string name = stream_.expect_name();
  constexpr std::array<std::string_view, 6> kReserved = {"true",  "True", "false",
                                                         "False", "none", "None"};
  if (std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end()) {
    stream_.fail(line, fmt::format("can't assign to '{}'", name));
  }
  note_assigned(name);
  return intern(name);
}

Target ExpressionParser::parse_simple_target(bool with_namespace) {
  const TokenStream::Descent descent(stream_);
  Target target;
  if (!descent.ok()) return target;
  if (stream_.skip_operator("(")) {
    target = parse_target_tuple(false);
    stream_.expect_operator(")");
    return target;
  }
  if (!stream_.at(TokenKind::kName)) {
    stream_.fail(fmt::format("can't assign to {}", describe(stream_.current())));
    return target;
  }
  if (with_namespace && stream_.ahead().kind == TokenKind::kOperator &&
      stream_.ahead().text == ".") {
    target.kind = Target::Kind::kAttribute;
    target.name = intern(stream_.take().text);
    stream_.take();
    target.attribute = stream_.expect_name();
    return target;
  }
  target.name = parse_name_target();
  return target;
}

Target ExpressionParser::parse_target_tuple(bool with_namespace) {
  Target tuple;
  tuple.kind = Target::Kind::kTuple;
  bool has_comma = false;
  while (!stream_.failed()) {
    if (!tuple.items.empty()) stream_.expect_operator(",");
    if (at_tuple_end() || (has_comma && stream_.at_operator("="))) break;
    tuple.items.push_back(parse_simple_target(with_namespace));
    if (!stream_.at_operator(",")) break;
    has_comma = true;
  }
  if (tuple.items.empty()) stream_.fail("expected a name to assign to");
  if (has_comma || tuple.items.empty()) return tuple;
  Target only = std::move(tuple.items.front());
  return only;
}

Target ExpressionParser::parse_target(bool with_namespace) {
  return parse_target_tuple(with_namespace);
}

}  // namespace bora::jinja
