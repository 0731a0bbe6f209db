#include "text/jinja/parser.h"

#include "text/jinja/expression_parser.h"
#include "text/jinja/lexer.h"
#include "text/jinja/limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace bora::jinja {
namespace {

using EndTags = std::initializer_list<std::string_view>;

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : stream_(std::move(tokens)), expressions_(stream_) {}

  Result<Template> run() {
    Template result;
    result.body = parse_body({});
    if (!stream_.failed() && !expressions_.unknown().empty()) {
      const auto& [line, message] = expressions_.unknown().front();
      stream_.fail(line, message);
    }
    if (stream_.failed()) return *stream_.error();
    result.names = expressions_.take_names();
    return result;
  }

 private:
  // Up to a block that starts with one of `ends`, whose name is then the current token; to the end
  // of the template where there are none.
  Body parse_body(EndTags ends) {
    Body body;
    const TokenStream::Descent descent(stream_);
    while (descent.ok() && !stream_.at_end()) {
      if (stream_.at(TokenKind::kData)) {
        auto node = std::make_unique<TextNode>(stream_.current().line);
        node->text = stream_.take().text;
        body.push_back(std::move(node));
      } else if (stream_.at(TokenKind::kVariableBegin)) {
        auto node = std::make_unique<OutputNode>(stream_.take().line);
        node->value = expressions_.parse_tuple();
        stream_.expect(TokenKind::kVariableEnd, "'}}'");
        body.push_back(std::move(node));
      } else {
        stream_.expect(TokenKind::kBlockBegin, "'{%'");
        if (std::any_of(ends.begin(), ends.end(),
                        [&](std::string_view end) { return stream_.at_name(end); })) {
          return body;
        }
        parse_statement(body);
        stream_.expect(TokenKind::kBlockEnd, "'%}'");
      }
    }
    if (ends.size() > 0) {
      stream_.fail(fmt::format("Unexpected end of template. Jinja was looking for the tag '{}'",
                               *(ends.end() - 1)));
    }
    return body;
  }

  // The body of a tag: its end, the statements, and the name of the closing tag.
  Body parse_tag_body(EndTags ends) {
    stream_.skip_operator(":");
    stream_.expect(TokenKind::kBlockEnd, "'%}'");
    return parse_body(ends);
  }

  // A body with a scope of its own, in which unknown filters are errors again.
  Body parse_scoped_body(EndTags ends) {
    const bool was_lenient = expressions_.set_lenient(false);
    Body body = parse_tag_body(ends);
    expressions_.set_lenient(was_lenient);
    return body;
  }

  // A body of another function: loops outside cannot be left from it.
  Body parse_function_body(EndTags ends) {
    const int loops = std::exchange(loops_, 0);
    Body body = parse_scoped_body(ends);
    loops_ = loops;
    return body;
  }

  void parse_statement(Body& body) {
    using Parse = NodePtr (Parser::*)();
    constexpr std::array<std::pair<std::string_view, Parse>, 15> kTags = {{
        {"for", &Parser::parse_for},
        {"if", &Parser::parse_if},
        {"set", &Parser::parse_set},
        {"macro", &Parser::parse_macro},
        {"call", &Parser::parse_call_block},
        {"filter", &Parser::parse_filter_block},
        {"with", &Parser::parse_with},
        {"block", &Parser::parse_block},
        {"generation", &Parser::parse_generation},
        {"autoescape", &Parser::parse_autoescape},
        {"break", &Parser::parse_loop_control},
        {"continue", &Parser::parse_loop_control},
        {"include", &Parser::parse_unsupported},
        {"import", &Parser::parse_unsupported},
        {"from", &Parser::parse_unsupported},
    }};
    const Token& tag = stream_.current();
    if (tag.kind != TokenKind::kName) return stream_.fail("tag name expected");
    if (tag.text == "print") return parse_print(body);
    const auto* found = std::find_if(kTags.begin(), kTags.end(),
                                     [&](const auto& entry) { return entry.first == tag.text; });
    if (found != kTags.end()) {
      body.push_back((this->*found->second)());
    } else if (tag.text == "extends") {
      parse_unsupported();
    } else {
      stream_.fail(fmt::format("Encountered unknown tag '{}'.", tag.text));
    }
  }

  NodePtr parse_unsupported() {
    const Token& tag = stream_.current();
    stream_.fail(fmt::format("the tag '{}' is not supported in a chat template", tag.text));
    return nullptr;
  }

  void parse_print(Body& body) {
    const int line = stream_.take().line;
    bool first = true;
    while (!stream_.at(TokenKind::kBlockEnd) && !stream_.failed()) {
      if (!first) stream_.expect_operator(",");
      first = false;
      auto node = std::make_unique<OutputNode>(line);
      node->value = expressions_.parse_expression();
      body.push_back(std::move(node));
    }
  }

  NodePtr parse_for() {
    auto node = std::make_unique<ForNode>(stream_.take().line);
    ++fors_;
    node->target = expressions_.parse_target(false);
    check_target(node->target, node->line);
    if (!stream_.skip_name("in")) stream_.fail("expected 'in'");
    node->iterable = expressions_.parse_tuple(false);
    if (stream_.skip_name("if")) node->filter = expressions_.parse_expression();
    node->recursive = stream_.skip_name("recursive");
    ++loops_;
    node->body = parse_scoped_body({"else", "endfor"});
    --loops_;
    if (stream_.take().text == "else") {
      node->otherwise = parse_scoped_body({"endfor"});
      stream_.take();
    }
    --fors_;
    return node;
  }

  NodePtr parse_if() {
    auto node = std::make_unique<IfNode>(stream_.take().line);
    const bool was_lenient = expressions_.set_lenient(true);
    while (!stream_.failed()) {
      ExprPtr test = expressions_.parse_tuple(false);
      Body body = parse_tag_body({"elif", "else", "endif"});
      node->branches.emplace_back(std::move(test), std::move(body));
      const std::string end = stream_.take().text;
      if (end == "elif") continue;
      if (end == "else") {
        node->otherwise = parse_tag_body({"endif"});
        stream_.take();
      }
      break;
    }
    expressions_.set_lenient(was_lenient);
    return node;
  }

  NodePtr parse_set() {
    const int line = stream_.take().line;
    Target target = expressions_.parse_target(true);
    check_target(target, line);
    if (stream_.skip_operator("=")) {
      auto node = std::make_unique<SetNode>(line);
      node->target = std::move(target);
      node->value = expressions_.parse_tuple();
      return node;
    }
    auto node = std::make_unique<SetBlockNode>(line);
    node->target = std::move(target);
    node->filter = expressions_.parse_filters(nullptr, false);
    node->body = parse_scoped_body({"endset"});
    stream_.take();
    return node;
  }

  // jinja2 lets nothing inside a for, its target included, assign to `loop`.
  void check_target(const Target& target, int line) {
    if (fors_ == 0) return;
    if (target.kind == Target::Kind::kName && target.name == expressions_.intern("loop")) {
      stream_.fail(line, "Can't assign to special loop variable in for-loop target");
    }
    for (const Target& item : target.items) check_target(item, line);
  }

  void parse_signature(MacroBody& macro) {
    stream_.expect_operator("(");
    bool has_default = false;
    while (!stream_.at_operator(")") && !stream_.failed()) {
      if (!macro.parameters.empty()) stream_.expect_operator(",");
      const int line = stream_.current().line;
      MacroBody::Parameter parameter;
      parameter.name = expressions_.parse_name_target();
      for (const MacroBody::Parameter& other : macro.parameters) {
        if (other.name == parameter.name) stream_.fail(line, "duplicate parameter name");
      }
      if (stream_.skip_operator("=")) {
        parameter.fallback = expressions_.parse_expression();
        has_default = true;
      } else if (has_default) {
        stream_.fail(line, "non-default argument follows default argument");
      }
      macro.parameters.push_back(std::move(parameter));
    }
    stream_.expect_operator(")");
  }

  void parse_macro_body(MacroBody& macro, int line, std::string_view end) {
    expressions_.begin_macro();
    macro.body = parse_function_body({end});
    stream_.take();
    const auto special = expressions_.end_macro();
    const auto find_parameter = [&](std::string_view name) {
      return std::find_if(macro.parameters.begin(), macro.parameters.end(),
                          [&](const auto& p) { return p.name == expressions_.intern(name); });
    };
    const auto caller = find_parameter("caller");
    macro.explicit_caller = caller != macro.parameters.end();
    macro.uses_caller = special.used[0];
    if (macro.uses_caller && macro.explicit_caller && !caller->fallback) {
      stream_.fail(line, "the special \"caller\" argument must be omitted or be given a default");
    }
    macro.uses_kwargs = special.used[1] && find_parameter("kwargs") == macro.parameters.end();
    macro.uses_varargs = special.used[2] && find_parameter("varargs") == macro.parameters.end();
  }

  NodePtr parse_macro() {
    auto node = std::make_unique<MacroNode>(stream_.take().line);
    node->macro.name = stream_.current().text;
    node->name = expressions_.parse_name_target();
    parse_signature(node->macro);
    parse_macro_body(node->macro, node->line, "endmacro");
    return node;
  }

  NodePtr parse_call_block() {
    auto node = std::make_unique<CallBlockNode>(stream_.take().line);
    if (stream_.at_operator("(")) parse_signature(node->caller);
    node->call = expressions_.parse_expression();
    if (node->call->kind != ExprKind::kCall) stream_.fail(node->line, "expected call");
    parse_macro_body(node->caller, node->line, "endcall");
    return node;
  }

  NodePtr parse_filter_block() {
    auto node = std::make_unique<FilterBlockNode>(stream_.take().line);
    const bool was_lenient = expressions_.set_lenient(false);
    node->filter = expressions_.parse_filters(nullptr, true);
    expressions_.set_lenient(was_lenient);
    node->body = parse_scoped_body({"endfilter"});
    stream_.take();
    return node;
  }

  NodePtr parse_with() {
    auto node = std::make_unique<WithNode>(stream_.take().line);
    while (!stream_.at(TokenKind::kBlockEnd) && !stream_.failed()) {
      if (!node->assignments.empty()) stream_.expect_operator(",");
      Target target = expressions_.parse_target(false);
      stream_.expect_operator("=");
      node->assignments.emplace_back(std::move(target), expressions_.parse_expression());
    }
    node->body = parse_scoped_body({"endwith"});
    stream_.take();
    return node;
  }

  NodePtr parse_block() {
    auto node = std::make_unique<ScopeNode>(stream_.take().line);
    const std::string name = stream_.expect_name();
    node->from_root = !stream_.skip_name("scoped");
    stream_.skip_name("required");
    node->body = parse_function_body({"endblock"});
    stream_.take();
    stream_.skip_name(name);
    return node;
  }

  // transformers marks the assistant's text with this tag; rendering passes it through.
  NodePtr parse_generation() {
    auto node = std::make_unique<ScopeNode>(stream_.take().line);
    node->body = parse_function_body({"endgeneration"});
    stream_.take();
    return node;
  }

  // Chat templates write text, not HTML, so escaping can only be switched to what it is: off.
  NodePtr parse_autoescape() {
    auto node = std::make_unique<ScopeNode>(stream_.take().line);
    const ExprPtr option = expressions_.parse_expression();
    const bool off = option->kind == ExprKind::kConstant &&
                     !is_true(static_cast<const ConstantExpr&>(*option).value);
    if (!off) stream_.fail(node->line, "autoescape is not supported in a chat template");
    node->body = parse_scoped_body({"endautoescape"});
    stream_.take();
    return node;
  }

  NodePtr parse_loop_control() {
    const Token& tag = stream_.take();
    if (loops_ == 0) stream_.fail(tag.line, fmt::format("'{}' outside loop", tag.text));
    if (tag.text == "break") return std::make_unique<BreakNode>(tag.line);
    return std::make_unique<ContinueNode>(tag.line);
  }

  TokenStream stream_;
  ExpressionParser expressions_;
  int loops_ = 0;  // that break and continue may leave
  int fors_ = 0;   // around the cursor, whatever lies between
};

}  // namespace

Result<Template> parse_template(std::string_view source) {
  if (source.size() > kMaxTemplateBytes) {
    return template_error(
        1, fmt::format("more than {} bytes (limit kMaxTemplateBytes)", kMaxTemplateBytes));
  }
  auto tokens = tokenize(source);
  if (!tokens) return std::move(tokens).error();
  return Parser(std::move(*tokens)).run();
}

}  // namespace bora::jinja
