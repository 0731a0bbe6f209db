// The lexer: template source to tokens, with jinja2's white space control as transformers sets it
// (trim_blocks, lstrip_blocks, no trailing newline; every line ending becomes "\n").
#pragma once

#include "base/result.h"
#include "text/jinja/value.h"

#include <string>
#include <string_view>
#include <vector>

namespace bora::jinja {

enum class TokenKind : uint8_t {
  kData,           // literal text
  kVariableBegin,  // {{
  kVariableEnd,
  kBlockBegin,  // {%
  kBlockEnd,
  kName,
  kConstant,  // a string, integer or float, in `value`
  kOperator,  // in `text`
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;
  Value value;
  int line = 1;
};

// The error of a template at a line, as every part of the engine reports it.
Error template_error(int line, std::string_view message);

// Always ends with a kEnd token. `source` must be valid UTF-8.
Result<std::vector<Token>> tokenize(std::string_view source);

}  // namespace bora::jinja
