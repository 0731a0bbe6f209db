// The % operator of strings.
#include "text/jinja/format.h"
#include "text/jinja/markup.h"
#include "text/jinja/operators.h"
#include "text/jinja/repr.h"
#include "text/jinja/unicode.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <string>

namespace bora::jinja {
namespace {

class PercentFormatter {
 public:
  PercentFormatter(Runtime& rt, const Value& format, const Value& args)
      : rt_(rt), format_(format.text()), markup_(format.is_markup()), args_(args) {}

  Value run() {
    while (at_ < format_.size() && !rt_.failed()) {
      const size_t percent = std::min(format_.find('%', at_), format_.size());
      out_ += format_.substr(at_, percent - at_);
      at_ = percent;
      if (at_ < format_.size()) convert();
    }
    const bool used = args_.kind() == Kind::kTuple ? next_ >= args_.items().size()
                                                   : next_ > 0 || is_mapping(args_);
    if (!used) rt_.fail("not all arguments converted during string formatting");
    return rt_.string(std::move(out_), markup_);
  }

 private:
  static bool is_mapping(const Value& value) {
    return value.is_dict() || value.kind() == Kind::kList || value.kind() == Kind::kRange;
  }

  Value next_argument() {
    if (named_) return *named_;
    const size_t i = next_++;
    if (args_.kind() == Kind::kTuple) {
      if (i < args_.items().size()) return args_.items()[i];
    } else if (i == 0) {
      return args_;
    }
    return rt_.fail("not enough arguments for format string");
  }

  // Digits or `*` at the cursor; -1 where there are none.
  int64_t read_number() {
    if (at_ < format_.size() && format_[at_] == '*') {
      ++at_;
      const Value value = next_argument();
      if (!value.is_integral()) rt_.fail("* wants int");
      return value.is_integral() ? value.as_int() : 0;
    }
    if (at_ >= format_.size() || !is_ascii_digit(format_[at_])) return -1;
    int64_t number = 0;
    for (; at_ < format_.size() && is_ascii_digit(format_[at_]); ++at_) {
      number = std::min<int64_t>(number * 10 + (format_[at_] - '0'), kMaxWidth + 1);
    }
    return number;
  }

  static bool is_ascii_digit(char c) { return c >= '0' && c <= '9'; }

  void read_name() {
    named_.reset();
    if (at_ >= format_.size() || format_[at_] != '(') return;
    size_t end = at_ + 1;
    for (int open = 1; end < format_.size(); ++end) {
      if (format_[end] == '(') ++open;
      if (format_[end] == ')' && --open == 0) break;
    }
    if (end >= format_.size()) {
      rt_.fail("incomplete format key");
      return;
    }
    const std::string_view name = format_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    if (!args_.is_dict()) {
      rt_.fail("format requires a mapping");
      return;
    }
    const Value* found = args_.as_dict().find(name);
    if (found == nullptr) rt_.fail(quoted(name));
    named_ = found != nullptr ? *found : Value();
  }

  void read_flags(FormatSpec& spec) {
    for (; at_ < format_.size(); ++at_) {
      switch (format_[at_]) {
        case '-':
          spec.align = '<';
          break;
        case '+':
          spec.sign = '+';
          break;
        case ' ':
          if (spec.sign != '+') spec.sign = ' ';
          break;
        case '#':
          spec.alternate = true;
          break;
        case '0':
          spec.zero_padded = true;
          break;
        default:
          return;
      }
    }
  }

  void convert() {
    ++at_;
    FormatSpec spec;
    read_name();
    read_flags(spec);
    spec.width = std::max<int64_t>(read_width(spec), 0);
    if (at_ < format_.size() && format_[at_] == '.') {
      ++at_;
      spec.precision = std::max<int64_t>(read_number(), 0);
    }
    while (at_ < format_.size() &&
           std::string_view("hlL").find(format_[at_]) != std::string_view::npos) {
      ++at_;
    }
    if (at_ >= format_.size()) rt_.fail("incomplete format");
    if (rt_.failed()) return;
    const char type = format_[at_++];
    if (type == '%') {
      out_ += '%';
      return;
    }
    const Value value = next_argument();
    if (!rt_.failed()) append(value, type, spec);
  }

  int64_t read_width(FormatSpec& spec) {
    const int64_t width = read_number();
    if (width >= -1) return width;
    spec.align = '<';
    return width == std::numeric_limits<int64_t>::min() ? kMaxWidth + 1 : -width;
  }

  void append(const Value& value, char type, FormatSpec& spec) {
    switch (type) {
      case 's':
      case 'r':
      case 'a':
        append_text(value, type, spec);
        return;
      case 'c':
        append_character(value, spec);
        return;
      case 'd':
      case 'i':
      case 'u':
      case 'o':
      case 'x':
      case 'X':
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
        append_number(value, type, spec);
        return;
      default:
        rt_.fail(fmt::format("unsupported format character '{}' (0x{:x}) at index {}", type,
                             static_cast<unsigned char>(type), at_ - 1));
    }
  }

  void append_text(const Value& value, char type, const FormatSpec& spec) {
    std::string text = type == 's' ? to_text(rt_, value) : repr(rt_, value);
    if (markup_ && !value.is_markup()) text = escape_html(text);
    if (spec.precision >= 0) text.resize(offset_of(text, static_cast<size_t>(spec.precision)));
    out_ += padded(rt_, std::move(text), spec, '>');
  }

  void append_character(const Value& value, const FormatSpec& spec) {
    std::string text;
    if (value.is_string() && value.as_string().length == 1) {
      text = value.text();
    } else if (value.is_integral() && value.as_int() >= 0 && value.as_int() < 0x110000 &&
               (value.as_int() < 0xD800 || value.as_int() > 0xDFFF)) {
      append_utf8(text, static_cast<char32_t>(value.as_int()));
    } else {
      rt_.fail("%c requires int or char");
    }
    out_ += padded(rt_, std::move(text), spec, '>');
  }

  void append_number(const Value& value, char type, FormatSpec& spec) {
    if (value.is_undefined()) {
      rt_.fail_undefined(value);
      return;
    }
    const bool real = std::string_view("eEfFgG").find(type) != std::string_view::npos;
    const bool decimal = type == 'd' || type == 'i' || type == 'u';
    if (!value.is_number() || (value.is_float() && !real && !decimal)) {
      rt_.fail(fmt::format("%{} format: {} is required, not {}", type,
                           real      ? "a real number"
                           : decimal ? "a real number"
                                     : "an integer",
                           type_name(value)));
      return;
    }
    Value number = value;
    if (value.is_float() && !real) {
      const double truncated = std::trunc(value.as_double());
      if (!(std::fabs(truncated) < 9.2e18)) {
        rt_.fail("cannot convert float to a 64-bit integer");
        return;
      }
      number = Value::integer(static_cast<int64_t>(truncated));
    }
    spec.type = decimal ? 'd' : type;
    if (spec.zero_padded && spec.align != '<') {
      spec.fill = "0";
      spec.align = '=';
    }
    if (!real && spec.precision >= 0) {
      out_ += with_minimum_digits(number, spec);
      return;
    }
    out_ += format_number(rt_, number, spec);
  }

  // %.5d: the precision is a minimum of digits.
  std::string with_minimum_digits(const Value& number, const FormatSpec& spec) {
    FormatSpec digits = spec;
    digits.fill = "0";
    digits.align = '=';
    digits.precision = -1;
    const bool signed_out = number.as_int() < 0 || spec.sign != '-';
    digits.width = spec.precision + (signed_out ? 1 : 0) + (spec.alternate ? 2 : 0);
    return padded(rt_, format_number(rt_, number, digits), spec, '>');
  }

  Runtime& rt_;
  std::string_view format_;
  bool markup_;
  const Value& args_;
  size_t at_ = 0;
  size_t next_ = 0;
  std::optional<Value> named_;
  std::string out_;
};

}  // namespace

Value percent_format(Runtime& rt, const Value& format, const Value& args) {
  if (!rt.charge_bytes(format.text().size())) return {};
  return PercentFormatter(rt, format, args).run();
}

}  // namespace bora::jinja
