// UTF-8 and the few properties of characters that tokenizers ask for.
//
// Functions that take text by offset expect valid UTF-8: Tokenizer::encode checks it once at the
// door. Properties come from utf8proc. No state, any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bora {

struct CodePoint {
  char32_t value = 0;
  std::size_t length = 0;  // in bytes
};

// The character that starts at text[at]. Precondition: valid UTF-8, `at` on a character, not the
// end.
CodePoint code_point_at(std::string_view text, std::size_t at);

// The character that ends right before text[end]. Precondition as above, end > 0.
CodePoint code_point_before(std::string_view text, std::size_t end);

// Bytes of the character that this byte leads; 1 for a byte that leads none.
std::size_t utf8_length(unsigned char lead);

void append_utf8(std::string& out, char32_t code_point);

bool is_valid_utf8(std::string_view text);

bool is_white_space(char32_t c);  // Unicode White_Space
bool is_numeric(char32_t c);      // general category N
bool is_punctuation(char32_t c);  // category P, or ASCII punctuation
bool is_mark(char32_t c);         // category M
bool is_word(
    char32_t c);  // what \w matches: letters, marks, decimal and letter numbers, connectors

}  // namespace bora
