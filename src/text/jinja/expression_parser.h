// Expressions, call arguments and assignment targets. The part of the parser below statements; not
// for others (parser.h is the way in).
//
// Errors are sticky: the first is kept and the cursor jumps to the end token, so every loop ends;
// functions never return a null expression.
#pragma once

#include "base/result.h"
#include "text/jinja/ast.h"
#include "text/jinja/lexer.h"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace bora::jinja {

// The cursor over the tokens, and the error.
class TokenStream {
 public:
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  [[nodiscard]] const Token& current() const { return tokens_[at_]; }
  [[nodiscard]] const Token& ahead() const {
    return tokens_[std::min(at_ + 1, tokens_.size() - 1)];
  }
  [[nodiscard]] bool at_end() const { return current().kind == TokenKind::kEnd; }
  [[nodiscard]] bool at(TokenKind kind) const { return current().kind == kind; }
  [[nodiscard]] bool at_operator(std::string_view text) const {
    return at(TokenKind::kOperator) && current().text == text;
  }
  [[nodiscard]] bool at_name(std::string_view text) const {
    return at(TokenKind::kName) && current().text == text;
  }
  // Returns the current token and moves on; stays at the end token.
  const Token& take();
  bool skip_operator(std::string_view text);
  bool skip_name(std::string_view text);
  void expect(TokenKind kind, std::string_view what);
  void expect_operator(std::string_view text);
  std::string expect_name();

  void fail(int line, std::string_view message);
  void fail(std::string_view message) { fail(current().line, message); }
  [[nodiscard]] bool failed() const { return error_.has_value(); }
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

  // One level of nesting; false, having failed, beyond kMaxParseDepth.
  class Descent {
   public:
    explicit Descent(TokenStream& stream);
    ~Descent() { --stream_.depth_; }
    Descent(const Descent&) = delete;
    Descent& operator=(const Descent&) = delete;
    [[nodiscard]] bool ok() const { return !stream_.failed(); }

   private:
    TokenStream& stream_;
  };

 private:
  std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0;
  std::optional<Error> error_;
};

// What a token is, in an error.
std::string describe(const Token& token);

class ExpressionParser {
 public:
  explicit ExpressionParser(TokenStream& stream) : stream_(stream) {}

  ExprPtr parse_expression(bool with_conditional = true);
  // An expression or, with commas, a tuple; an empty one only in parentheses.
  ExprPtr parse_tuple(bool with_conditional = true, bool parenthesized = false);
  CallArgs parse_call_args();
  // "name(args)|name..." from the current token on, after "|" or not as `inline_start` says; null
  // where there is no filter.
  ExprPtr parse_filters(ExprPtr input, bool inline_start);
  Target parse_target(bool with_namespace);
  NameId parse_name_target();

  NameId intern(std::string_view name);
  [[nodiscard]] std::vector<std::string> take_names() { return std::move(names_); }

  // The special names of macros: which of them the body being parsed reads before it assigns them.
  struct SpecialNames {
    static constexpr std::array<std::string_view, 3> kNames = {"caller", "kwargs", "varargs"};
    std::array<bool, 3> used{};
    std::array<bool, 3> assigned{};
  };
  void begin_macro() { macros_.emplace_back(); }
  SpecialNames end_macro();

  // Unknown filters and tests are errors at once, except where an `if` may keep them from running.
  bool set_lenient(bool lenient) { return std::exchange(lenient_, lenient); }
  [[nodiscard]] const std::vector<std::pair<int, std::string>>& unknown() const { return unknown_; }

 private:
  ExprPtr parse_conditional();
  ExprPtr parse_or();
  ExprPtr parse_and();
  ExprPtr parse_not();
  ExprPtr parse_compare();
  ExprPtr parse_sum();
  ExprPtr parse_concat();
  ExprPtr parse_product();
  ExprPtr parse_power();
  ExprPtr parse_unary(bool with_filter);
  ExprPtr parse_primary();
  ExprPtr parse_name();
  ExprPtr parse_list();
  ExprPtr parse_dict();
  ExprPtr parse_postfix(ExprPtr expr);
  ExprPtr parse_filter_chain(ExprPtr expr);
  ExprPtr parse_subscript(ExprPtr object);
  ExprPtr parse_brackets(ExprPtr object, int line);
  ExprPtr parse_slice(ExprPtr object, ExprPtr start, int line);
  ExprPtr parse_call(ExprPtr callee);
  ExprPtr parse_test(ExprPtr input);
  void parse_test_argument(CallArgs& args);
  Target parse_simple_target(bool with_namespace);
  Target parse_target_tuple(bool with_namespace);

  ExprPtr placeholder();
  // Sets the node's height from its children and checks it.
  void grow(Expr& node, std::initializer_list<const Expr*> children);
  void grow(Expr& node, const CallArgs& args);
  [[nodiscard]] bool at_tuple_end() const;
  void note_read(std::string_view name);
  void note_assigned(std::string_view name);
  void note_unknown(int line, std::string message);

  TokenStream& stream_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, NameId> ids_;
  std::vector<SpecialNames> macros_;
  bool lenient_ = false;
  std::vector<std::pair<int, std::string>> unknown_;
};

}  // namespace bora::jinja
