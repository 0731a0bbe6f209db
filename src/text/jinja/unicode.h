// UTF-8 and the properties of characters as Python's str sees them. Pure functions; all text must
// be valid UTF-8 (checked at the border). Indices called `index` count code points, `offset` bytes.
#pragma once

#include "text/unicode.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace bora::jinja {

size_t count_code_points(std::string_view text);

// The code point at byte `offset`, which moves behind it. Precondition: offset < text.size().
char32_t next_code_point(std::string_view text, size_t& offset);
// The byte offset of the code point that ends before `offset`. Precondition: offset > 0.
size_t previous_offset(std::string_view text, size_t offset);
// The byte offset of code point `index`, or text.size() when there are fewer.
size_t offset_of(std::string_view text, size_t index);

// As string_view::find and rfind, but in linear time whatever the needle.
size_t find_text(std::string_view text, std::string_view needle, size_t from = 0);
size_t rfind_text(std::string_view text, std::string_view needle);

bool is_space(char32_t c);
bool is_line_break(char32_t c);  // as str.splitlines
bool is_printable(char32_t c);
bool is_letter(char32_t c);
bool is_decimal(char32_t c);
bool is_digit(char32_t c);
bool is_numeric(char32_t c);
bool is_lower(char32_t c);
bool is_upper(char32_t c);
bool is_title(char32_t c);
bool is_identifier_start(char32_t c);
bool is_identifier_part(char32_t c);

std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);
std::string to_title(std::string_view text);  // as str.title
std::string capitalized(std::string_view text);
std::string swapped_case(std::string_view text);
std::string case_folded(std::string_view text);

}  // namespace bora::jinja
