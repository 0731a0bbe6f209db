#include "text/normalizer.h"

#include "text/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <memory>

namespace bora {
namespace {

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

utf8proc_option_t options_of(UnicodeForm form) {
  switch (form) {
    case UnicodeForm::kNfc:
      return static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    case UnicodeForm::kNfd:
      return static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE);
    case UnicodeForm::kNfkc:
      return static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT);
    case UnicodeForm::kNfkd:
      return static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT);
  }
  CHECK(false, "no such UnicodeForm");
}

struct FreeMalloced {
  void operator()(utf8proc_uint8_t* text) const { std::free(text); }
};

Result<std::string> apply_step(UnicodeForm form, std::string text) {
  if (is_ascii(text)) return text;
  utf8proc_uint8_t* raw = nullptr;
  const utf8proc_ssize_t length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &raw, options_of(form));
  const std::unique_ptr<utf8proc_uint8_t, FreeMalloced> mapped(raw);
  if (length < 0) {
    return Error{
        ErrorCode::kFailed, std::string("normalizing the text: ") + utf8proc_errmsg(length), {}};
  }
  return std::string(reinterpret_cast<const char*>(mapped.get()), static_cast<std::size_t>(length));
}

Result<std::string> apply_step(const PrependText& step, std::string text) {
  if (!text.empty()) text.insert(0, step.text);
  return text;
}

Result<std::string> apply_step(const ReplaceText& step, std::string_view text) {
  return replace_all(text, step.from, step.to);
}

Result<std::string> apply_step(const ReplaceRegex& step, std::string_view text) {
  std::string out;
  std::size_t copied = 0;
  RegexSearch search(step.from, text.size());
  for (std::size_t from = 0; from <= text.size();) {
    auto match = search.next(text, from);
    if (!match) return std::move(match).error();
    if (!*match) break;
    const Match& found = **match;
    out.append(text, copied, found.begin - copied);
    out += step.to;
    copied = found.end;
    from = found.end;
    if (found.begin == found.end) {
      if (found.end == text.size()) break;
      from += utf8_length(static_cast<unsigned char>(text[found.end]));
    }
  }
  out.append(text, copied, std::string::npos);
  return out;
}

Result<std::string> apply_step(const Lowercase&, std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point_at(text, at);
    if (c.value == 0x130) {  // the only letter whose lower case is two characters: I with a dot
      out += "i\xCC\x87";
    } else {
      append_utf8(out,
                  static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c.value))));
    }
    at += c.length;
  }
  return out;
}

Result<std::string> apply_step(const StripWhiteSpace& step, std::string_view text) {
  std::size_t begin = 0;
  std::size_t end = text.size();
  while (step.left && begin < end) {
    const CodePoint c = code_point_at(text, begin);
    if (!is_white_space(c.value)) break;
    begin += c.length;
  }
  while (step.right && end > begin) {
    const CodePoint c = code_point_before(text, end);
    if (!is_white_space(c.value)) break;
    end -= c.length;
  }
  return std::string(text.substr(begin, end - begin));
}

Result<std::string> apply_step(const StripAccents&, std::string text) {
  if (is_ascii(text)) return text;
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point_at(text, at);
    if (!is_mark(c.value)) out.append(text, at, c.length);
    at += c.length;
  }
  return out;
}

}  // namespace

std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
  if (from.empty()) return std::string(text);
  std::string out;
  out.reserve(text.size());
  std::size_t copied = 0;
  for (std::size_t at = text.find(from); at != std::string_view::npos;
       at = text.find(from, copied)) {
    out += text.substr(copied, at - copied);
    out += to;
    copied = at + from.size();
  }
  return out += text.substr(copied);
}

void Normalizer::add(NormalizerStep step) { steps_.push_back(std::move(step)); }

Result<std::string> Normalizer::apply(std::string_view text) const {
  std::string current(text);
  for (const NormalizerStep& step : steps_) {
    auto next =
        std::visit([&](const auto& kind) { return apply_step(kind, std::move(current)); }, step);
    if (!next) return std::move(next).error();
    current = std::move(next).value();
  }
  return current;
}

}  // namespace bora
