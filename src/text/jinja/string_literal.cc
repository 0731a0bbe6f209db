#include "text/jinja/string_literal.h"

#include "text/jinja/unicode.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace bora::jinja {
namespace {

class Unescaper {
 public:
  explicit Unescaper(std::string_view literal) : literal_(literal) {}

  std::optional<std::string> run() {
    while (at_ < literal_.size()) {
      if (literal_[at_] != '\\') {
        out_ += literal_[at_++];
      } else {
        ++at_;
        if (at_ >= literal_.size() || !read_escape()) return std::nullopt;
      }
    }
    return std::move(out_);
  }

 private:
  bool read_escape() {
    const char c = literal_[at_];
    switch (c) {
      case '\n':
        ++at_;
        return true;
      case '\\':
      case '\'':
      case '"':
        return put(c);
      case 'a':
        return put('\a');
      case 'b':
        return put('\b');
      case 'f':
        return put('\f');
      case 'n':
        return put('\n');
      case 'r':
        return put('\r');
      case 't':
        return put('\t');
      case 'v':
        return put('\v');
      case 'x':
        return read_code_point(2);
      case 'u':
        return read_code_point(4);
      case 'U':
        return read_code_point(8);
      case 'N':
        return false;  // names of characters: no table of them here
      default:
        break;
    }
    if (c >= '0' && c <= '7') return read_octal();
    if (static_cast<unsigned char>(c) >= 0x80) return read_escaped_non_ascii();
    out_ += '\\';
    return true;
  }

  bool put(char c) {
    out_ += c;
    ++at_;
    return true;
  }

  bool read_octal() {
    char32_t code = 0;
    for (int i = 0; i < 3 && at_ < literal_.size(); ++i, ++at_) {
      if (literal_[at_] < '0' || literal_[at_] > '7') break;
      code = code * 8 + static_cast<char32_t>(literal_[at_] - '0');
    }
    append_utf8(out_, code);
    return true;
  }

  std::optional<uint32_t> read_hex(size_t digits) {
    const std::string_view text = literal_.substr(std::min(at_ + 1, literal_.size()), digits);
    uint32_t code = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code, 16);
    if (error != std::errc() || text.size() != digits || end != text.data() + digits) {
      return std::nullopt;
    }
    at_ += 1 + digits;
    return code;
  }

  bool read_code_point(size_t digits) {
    auto code = read_hex(digits);
    if (!code || *code > 0x10FFFF) return false;
    const bool high = *code >= 0xD800 && *code < 0xDC00;
    if (high && literal_.substr(at_).starts_with("\\u")) {
      const size_t before = at_++;
      const auto low = read_hex(4);
      if (low && *low >= 0xDC00 && *low < 0xE000) {
        code = 0x10000 + ((*code - 0xD800) << 10) + (*low - 0xDC00);
      } else {
        at_ = before;
      }
    }
    append_utf8(out_, *code >= 0xD800 && *code < 0xE000 ? 0xFFFD : *code);
    return true;
  }

  // jinja2 first writes such a character as an escape of its own, so that the backslash before it
  // escapes that escape's backslash.
  bool read_escaped_non_ascii() {
    const auto code = static_cast<uint32_t>(next_code_point(literal_, at_));
    out_ += code < 0x100     ? fmt::format("\\x{:02x}", code)
            : code < 0x10000 ? fmt::format("\\u{:04x}", code)
                             : fmt::format("\\U{:08x}", code);
    return true;
  }

  std::string_view literal_;
  size_t at_ = 0;
  std::string out_;
};

}  // namespace

std::optional<std::string> unescape_literal(std::string_view literal) {
  return Unescaper(literal).run();
}

}  // namespace bora::jinja
