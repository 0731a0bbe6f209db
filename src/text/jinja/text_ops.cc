#include "text/jinja/text_ops.h"

#include "text/jinja/unicode.h"

#include <algorithm>

namespace bora::jinja {
namespace {

template <class Drop>
std::string_view strip_if(std::string_view text, StripSide side, const Drop& drop) {
  if (side != StripSide::kRight) {
    size_t begin = 0;
    while (begin < text.size()) {
      size_t next = begin;
      if (!drop(next_code_point(text, next))) break;
      begin = next;
    }
    text.remove_prefix(begin);
  }
  if (side != StripSide::kLeft) {
    while (!text.empty()) {
      const size_t last = previous_offset(text, text.size());
      size_t at = last;
      if (!drop(next_code_point(text, at))) break;
      text = text.substr(0, last);
    }
  }
  return text;
}

}  // namespace

std::string_view strip_space(std::string_view text, StripSide side) {
  return strip_if(text, side, is_space);
}

std::string_view strip_chars(std::string_view text, std::string_view chars, StripSide side) {
  return strip_if(text, side, [&](char32_t c) {
    for (size_t at = 0; at < chars.size();) {
      if (next_code_point(chars, at) == c) return true;
    }
    return false;
  });
}

std::vector<std::string_view> split_text(std::string_view text, std::string_view separator,
                                         size_t splits) {
  std::vector<std::string_view> parts;
  size_t begin = 0;
  while (parts.size() < splits) {
    const size_t found = find_text(text, separator, begin);
    if (found == std::string_view::npos) break;
    parts.push_back(text.substr(begin, found - begin));
    begin = found + separator.size();
  }
  parts.push_back(text.substr(begin));
  return parts;
}

std::vector<std::string_view> rsplit_text(std::string_view text, std::string_view separator,
                                          size_t splits) {
  // Mirrored, so that each search is linear and takes the last occurrence first.
  const std::string mirror(text.rbegin(), text.rend());
  const std::string mirrored_separator(separator.rbegin(), separator.rend());
  std::vector<std::string_view> parts;
  for (const std::string_view part : split_text(mirror, mirrored_separator, splits)) {
    const auto offset = static_cast<size_t>(part.data() - mirror.data());
    parts.push_back(text.substr(text.size() - offset - part.size(), part.size()));
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<std::string_view> split_space(std::string_view text, size_t splits) {
  std::vector<std::string_view> parts;
  text = strip_space(text, StripSide::kLeft);
  while (!text.empty()) {
    if (parts.size() == splits) {
      parts.push_back(text);
      break;
    }
    size_t end = 0;
    while (end < text.size()) {
      size_t next = end;
      if (is_space(next_code_point(text, next))) break;
      end = next;
    }
    parts.push_back(text.substr(0, end));
    text = strip_space(text.substr(end), StripSide::kLeft);
  }
  return parts;
}

std::vector<std::string_view> rsplit_space(std::string_view text, size_t splits) {
  std::vector<std::string_view> parts;
  text = strip_space(text, StripSide::kRight);
  while (!text.empty()) {
    if (parts.size() == splits) {
      parts.push_back(text);
      break;
    }
    size_t begin = text.size();
    while (begin > 0) {
      const size_t previous = previous_offset(text, begin);
      size_t at = previous;
      if (is_space(next_code_point(text, at))) break;
      begin = previous;
    }
    parts.push_back(text.substr(begin));
    text = strip_space(text.substr(0, begin), StripSide::kRight);
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends) {
  std::vector<std::string_view> lines;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = at;
    const char32_t c = next_code_point(text, at);
    if (!is_line_break(c)) continue;
    if (c == '\r' && at < text.size() && text[at] == '\n') ++at;
    lines.push_back(text.substr(begin, (keep_ends ? at : end) - begin));
    begin = at;
  }
  if (begin < text.size()) lines.push_back(text.substr(begin));
  return lines;
}

std::string replace_text(Runtime& rt, std::string_view text, std::string_view before,
                         std::string_view after, int64_t count) {
  std::string out;
  if (!rt.charge_bytes(text.size())) return out;
  uint64_t left = count < 0 ? UINT64_MAX : static_cast<uint64_t>(count);
  size_t at = 0;
  while (left > 0 && out.size() <= kMaxStringBytes) {
    const size_t found = find_text(text, before, at);
    if (found == std::string_view::npos) break;
    out += text.substr(at, found - at);
    out += after;
    at = found + before.size();
    --left;
    if (!before.empty()) continue;
    // An empty pattern matches before each character and at the end.
    if (found == text.size()) return out;
    next_code_point(text, at);
    out += text.substr(found, at - found);
  }
  rt.allow_string(out.size());
  out += text.substr(at);
  return out;
}

std::string centered(Runtime& rt, const std::string& text, const FormatSpec& spec) {
  const auto length = static_cast<int64_t>(count_code_points(text));
  if (spec.width <= length) return text;
  const int64_t missing = spec.width - length;
  const int64_t left = missing / 2 + (missing & spec.width & 1);
  FormatSpec half = spec;
  half.width = length + left;
  std::string out = padded(rt, text, half, '>');
  return padded(rt, std::move(out), spec, '<');
}

bool all_cased(std::string_view text, bool (*wanted)(char32_t), bool (*unwanted)(char32_t)) {
  bool any = false;
  for (size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    if (unwanted(c) || is_title(c)) return false;
    any = any || wanted(c);
  }
  return any;
}

}  // namespace bora::jinja
