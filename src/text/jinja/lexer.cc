#include "text/jinja/lexer.h"

#include "text/jinja/repr.h"
#include "text/jinja/string_literal.h"
#include "text/jinja/text_ops.h"
#include "text/jinja/unicode.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <optional>

namespace bora::jinja {
namespace {

bool is_ascii_digit(char c) { return c >= '0' && c <= '9'; }

std::string normalized_newlines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      out += source[i];
    }
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(normalized_newlines(source)) {}

  Result<std::vector<Token>> run() {
    while (at_ < source_.size() && !error_) read_text();
    if (error_) return std::move(*error_);
    push(TokenKind::kEnd);
    return std::move(tokens_);
  }

 private:
  [[nodiscard]] std::string_view rest() const { return std::string_view(source_).substr(at_); }
  [[nodiscard]] bool at(std::string_view text) const { return rest().starts_with(text); }

  void fail(std::string_view message) {
    if (!error_) error_ = template_error(line_, message);
  }

  void push(TokenKind kind, std::string text = {}, Value value = {}) {
    tokens_.push_back({kind, std::move(text), std::move(value), line_});
  }

  // Moves behind the next `count` bytes, counting lines.
  void advance(size_t count) {
    const std::string_view passed = rest().substr(0, count);
    line_ += static_cast<int>(std::count(passed.begin(), passed.end(), '\n'));
    if (!passed.empty()) line_starting_ = passed.back() == '\n';
    at_ += passed.size();
  }

  void skip_space() {
    const std::string_view stripped = strip_space(rest(), StripSide::kLeft);
    advance(rest().size() - stripped.size());
  }

  // Literal text up to the next tag, then that tag.
  void read_text() {
    size_t begin = at_;
    while (true) {
      begin = source_.find('{', begin);
      if (begin == std::string::npos || begin + 1 >= source_.size()) {
        push(TokenKind::kData, std::string(rest()));
        at_ = source_.size();
        return;
      }
      const char kind = source_[begin + 1];
      if (kind == '{' || kind == '%' || kind == '#') break;
      ++begin;
    }
    const char kind = source_[begin + 1];
    push_data(begin, kind == '{');
    advance(begin - at_);
    advance(2);
    if (at("-") || at("+")) advance(1);
    if (kind == '#') {
      read_comment();
    } else if (kind == '{') {
      push(TokenKind::kVariableBegin);
      read_expression("}}", TokenKind::kVariableEnd);
    } else if (!read_raw()) {
      push(TokenKind::kBlockBegin);
      read_expression("%}", TokenKind::kBlockEnd);
    }
  }

  // The text before the tag at `tag`, stripped as its sign and lstrip_blocks say.
  void push_data(size_t tag, bool is_variable) {
    std::string_view text = std::string_view(source_).substr(at_, tag - at_);
    const char sign = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
    if (sign == '-') {
      text = strip_space(text, StripSide::kRight);
    } else if (sign != '+' && !is_variable) {
      const size_t line = text.rfind('\n') + 1;  // npos + 1 is 0
      if ((line > 0 || line_starting_) &&
          strip_space(text.substr(line), StripSide::kLeft).empty()) {
        text = text.substr(0, line);
      }
    }
    if (!text.empty()) push(TokenKind::kData, std::string(text));
  }

  // Moves behind the end of a tag at the cursor, with the white space its sign takes along.
  void advance_tag_end(bool trims_newline) {
    const char sign = source_[at_];
    const bool has_sign = sign == '-' || sign == '+';
    advance(has_sign ? 3 : 2);
    if (sign == '-') {
      skip_space();
    } else if (!has_sign && trims_newline && at("\n")) {
      advance(1);
    }
  }

  void read_comment() {
    size_t end = source_.find("#}", at_);
    if (end == std::string::npos) return fail("Missing end of comment tag");
    if (end > at_ && (source_[end - 1] == '-' || source_[end - 1] == '+')) --end;
    advance(end - at_);
    advance_tag_end(true);
  }

  // The offset behind "[sign] NAME" and spaces at `from` (behind "{%"), or nothing.
  [[nodiscard]] std::optional<size_t> match_name(size_t from, std::string_view name) const {
    std::string_view text = std::string_view(source_).substr(from);
    text = strip_space(text, StripSide::kLeft);
    if (!text.starts_with(name)) return std::nullopt;
    text = strip_space(text.substr(name.size()), StripSide::kLeft);
    return source_.size() - text.size();
  }

  [[nodiscard]] bool tag_ends_at(size_t offset, bool plus_allowed) const {
    const std::string_view text = std::string_view(source_).substr(offset);
    return text.starts_with("%}") || text.starts_with("-%}") ||
           (plus_allowed && text.starts_with("+%}"));
  }

  // A raw block, whole; false where the tag is another one.
  bool read_raw() {
    const auto begin = match_name(at_, "raw");
    if (!begin || !tag_ends_at(*begin, false)) return false;
    advance(*begin - at_);
    advance_tag_end(false);
    for (size_t tag = at_;; ++tag) {
      tag = source_.find("{%", tag);
      if (tag == std::string::npos) break;
      const size_t sign =
          tag + 2 < source_.size() && (source_[tag + 2] == '-' || source_[tag + 2] == '+');
      const auto end = match_name(tag + 2 + sign, "endraw");
      if (!end || !tag_ends_at(*end, true)) continue;
      push_data(tag, false);
      advance(*end - at_);
      advance_tag_end(true);
      return true;
    }
    fail("Missing end of raw directive");
    return true;
  }

  // The tokens of a tag up to its end, which is not looked for inside brackets.
  void read_expression(std::string_view end, TokenKind end_kind) {
    std::string open;  // the closing brackets that are due
    while (!error_) {
      skip_space();
      if (at_ >= source_.size()) return;
      const bool signed_end =
          (at("-") || (at("+") && end == "%}")) && rest().substr(1).starts_with(end);
      if (open.empty() && (at(end) || signed_end)) {
        push(end_kind);
        advance_tag_end(end == "%}");
        return;
      }
      if (!read_number() && !read_name() && !read_string()) read_operator(open);
    }
  }

  // Digits with single underscores between them; the end of the run from `from`.
  template <class IsDigit>
  [[nodiscard]] size_t digits_end(size_t from, const IsDigit& is_digit) const {
    size_t end = from;
    while (end < source_.size()) {
      const size_t next = source_[end] == '_' && end > from ? end + 1 : end;
      if (next >= source_.size() || !is_digit(source_[next])) break;
      end = next + 1;
    }
    return end;
  }

  // The end of a float at the cursor, or nothing.
  [[nodiscard]] std::optional<size_t> float_end() const {
    if (at_ > 0 && source_[at_ - 1] == '.') return std::nullopt;
    size_t end = digits_end(at_, is_ascii_digit);
    if (end == at_) return std::nullopt;
    bool is_float = false;
    if (end + 1 < source_.size() && source_[end] == '.' && is_ascii_digit(source_[end + 1])) {
      end = digits_end(end + 1, is_ascii_digit);
      is_float = true;
    }
    if (end < source_.size() && (source_[end] == 'e' || source_[end] == 'E')) {
      size_t digits = end + 1;
      if (digits < source_.size() && (source_[digits] == '+' || source_[digits] == '-')) ++digits;
      const size_t exponent_end = digits_end(digits, is_ascii_digit);
      if (exponent_end > digits) {
        end = exponent_end;
        is_float = true;
      }
    }
    return is_float ? std::optional<size_t>(end) : std::nullopt;
  }

  [[nodiscard]] std::string number_text(size_t begin, size_t end) const {
    std::string digits = source_.substr(begin, end - begin);
    digits.erase(std::remove(digits.begin(), digits.end(), '_'), digits.end());
    return digits;
  }

  bool read_number() {
    if (!is_ascii_digit(source_[at_])) return false;
    if (const auto end = float_end()) {
      const double value = std::strtod(number_text(at_, *end).c_str(), nullptr);
      push(TokenKind::kConstant, {}, Value::real(value));
      advance(*end - at_);
      return true;
    }
    read_integer();
    return true;
  }

  void read_integer() {
    int base = 10;
    size_t begin = at_;
    size_t end = digits_end(at_, is_ascii_digit);
    const char marker =
        at_ + 1 < source_.size() ? static_cast<char>(source_[at_ + 1] | 0x20) : '\0';
    const auto is_hex = [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; };
    if (source_[at_] == '0') {
      const size_t digits = at_ + 2 < source_.size() && source_[at_ + 2] == '_' ? at_ + 3 : at_ + 2;
      size_t based_end = digits;
      if (marker == 'x') based_end = digits_end(digits, is_hex);
      if (marker == 'o')
        based_end = digits_end(digits, [](char c) { return c >= '0' && c <= '7'; });
      if (marker == 'b')
        based_end = digits_end(digits, [](char c) { return c == '0' || c == '1'; });
      if (based_end > digits) {
        base = marker == 'x' ? 16 : marker == 'o' ? 8 : 2;
        begin = digits;
        end = based_end;
      } else {
        // 0 is only followed by zeros; what comes next is a token of its own.
        end = digits_end(at_, [](char c) { return c == '0'; });
      }
    }
    const std::string digits = number_text(begin, end);
    int64_t value = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (parsed.ec != std::errc()) return fail("an integer beyond 64 bits");
    push(TokenKind::kConstant, {}, Value::integer(value));
    advance(end - at_);
  }

  bool read_name() {
    size_t end = at_;
    while (end < source_.size()) {
      size_t next = end;
      const char32_t c = next_code_point(source_, next);
      if (end == at_ ? !is_identifier_start(c) : !is_identifier_part(c)) break;
      end = next;
    }
    if (end == at_) return false;
    push(TokenKind::kName, source_.substr(at_, end - at_));
    advance(end - at_);
    return true;
  }

  bool read_string() {
    const char quote = source_[at_];
    if (quote != '\'' && quote != '"') return false;
    size_t end = at_ + 1;
    while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
    if (end >= source_.size()) return false;
    auto text = unescape_literal(std::string_view(source_).substr(at_ + 1, end - at_ - 1));
    if (!text) {
      fail("a string literal with a malformed escape");
      return true;
    }
    push(TokenKind::kConstant, {}, Value::string(std::move(*text)));
    advance(end + 1 - at_);
    return true;
  }

  void read_operator(std::string& open) {
    constexpr std::array<std::string_view, 26> kOperators = {
        "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
        "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};
    const auto* found = std::find_if(kOperators.begin(), kOperators.end(),
                                     [&](std::string_view op) { return at(op); });
    if (found == kOperators.end()) {
      size_t end = at_;
      next_code_point(source_, end);
      return fail(fmt::format("unexpected char {}", quoted(source_.substr(at_, end - at_))));
    }
    const char c = found->size() == 1 ? (*found)[0] : '\0';
    if (c == '{') open += '}';
    if (c == '(') open += ')';
    if (c == '[') open += ']';
    if (c == '}' || c == ')' || c == ']') {
      if (open.empty()) return fail(fmt::format("unexpected '{}'", c));
      if (open.back() != c)
        return fail(fmt::format("unexpected '{}', expected '{}'", c, open.back()));
      open.pop_back();
    }
    push(TokenKind::kOperator, std::string(*found));
    advance(found->size());
  }

  std::string source_;
  size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;
  std::vector<Token> tokens_;
  std::optional<Error> error_;
};

}  // namespace

Error template_error(int line, std::string_view message) {
  return Error{ErrorCode::kBadModel, fmt::format("chat template: line {}: {}", line, message), {}};
}

Result<std::vector<Token>> tokenize(std::string_view source) { return Lexer(source).run(); }

}  // namespace bora::jinja
