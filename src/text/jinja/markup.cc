#include "text/jinja/markup.h"

#include "text/jinja/unicode.h"

#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace bora::jinja {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kReferences = {
    {{"amp", "&"}, {"lt", "<"}, {"gt", ">"}, {"quot", "\""}, {"apos", "'"}, {"nbsp", "\u00a0"}}};

// What `&name;` stands for.
std::optional<std::string> reference(std::string_view name) {
  for (const auto& [known, text] : kReferences) {
    if (name == known) return std::string(text);
  }
  if (name.size() < 2 || name[0] != '#') return std::nullopt;
  const bool hex = name[1] == 'x' || name[1] == 'X';
  const std::string_view digits = name.substr(hex ? 2 : 1);
  uint32_t code = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), code, hex ? 16 : 10);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  if (code == 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) code = 0xFFFD;
  std::string out;
  append_utf8(out, code);
  return out;
}

// Removes each `open`...`close`, as far as both are there.
std::string without(std::string_view text, std::string_view open, std::string_view close) {
  std::string out;
  size_t at = 0;
  while (true) {
    const size_t begin = find_text(text, open, at);
    const size_t end =
        begin == std::string_view::npos ? begin : find_text(text, close, begin + open.size());
    if (end == std::string_view::npos) break;
    out += text.substr(at, begin - at);
    at = end + close.size();
  }
  out += text.substr(at);
  return out;
}

std::string collapse_space(std::string_view text) {
  std::string out;
  bool pending = false;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    if (is_space(next_code_point(text, at))) {
      pending = !out.empty();
      continue;
    }
    if (pending) out += ' ';
    pending = false;
    out += text.substr(begin, at - begin);
  }
  return out;
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '"':
        out += "&#34;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string unescape_html(std::string_view text) {
  constexpr size_t kLongestName = 32;
  std::string out;
  for (size_t at = 0; at < text.size();) {
    if (text[at] == '&') {
      const size_t length = text.substr(at + 1, kLongestName).find(';');
      if (length != std::string_view::npos) {
        if (const auto replacement = reference(text.substr(at + 1, length))) {
          out += *replacement;
          at += length + 2;
          continue;
        }
      }
    }
    out += text[at++];
  }
  return out;
}

std::string strip_tags(std::string_view text) {
  const std::string plain = without(without(text, "<!--", "-->"), "<", ">");
  return unescape_html(collapse_space(plain));
}

std::string markup_text(const Value& string) {
  return string.is_markup() ? string.text() : escape_html(string.text());
}

}  // namespace bora::jinja
