#include "text/byte_level.h"

#include "text/unicode.h"

#include <array>
#include <cstdint>

namespace bora {
namespace {

constexpr char32_t kEnd = 0x144;  // one past the last character of the alphabet
constexpr std::int16_t kNone = -1;

struct Alphabet {
  std::array<char32_t, 256> character{};
  std::array<std::int16_t, kEnd> byte{};
};

constexpr Alphabet make_alphabet() {
  Alphabet alphabet;
  alphabet.byte.fill(kNone);
  char32_t next = 0x100;
  for (unsigned b = 0; b < 256; ++b) {
    const bool prints =
        (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || (b >= 0xAE && b <= 0xFF);
    const char32_t c = prints ? static_cast<char32_t>(b) : next++;
    alphabet.character[b] = c;
    alphabet.byte[c] = static_cast<std::int16_t>(b);
  }
  return alphabet;
}

constexpr Alphabet kAlphabet = make_alphabet();

}  // namespace

void append_byte_level(std::string& out, std::string_view bytes) {
  for (const char c : bytes) append_utf8(out, kAlphabet.character[static_cast<unsigned char>(c)]);
}

std::optional<std::string> from_byte_level(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point_at(text, at);
    if (c.value >= kEnd || kAlphabet.byte[c.value] == kNone) return std::nullopt;
    bytes.push_back(static_cast<char>(kAlphabet.byte[c.value]));
    at += c.length;
  }
  return bytes;
}

}  // namespace bora
