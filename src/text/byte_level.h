// GPT-2's alphabet: each byte shown as one printable character, so that a vocabulary of byte
// strings can be written as text. Bytes that print (in Latin-1) stand for themselves, the others
// follow from U+0100 in order. https://github.com/openai/gpt-2/blob/master/src/encoder.py
// (bytes_to_unicode)
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bora {

// Appends the characters of these bytes.
void append_byte_level(std::string& out, std::string_view bytes);

// The bytes that these characters stand for; nothing if one of them stands for none.
std::optional<std::string> from_byte_level(std::string_view text);

}  // namespace bora
