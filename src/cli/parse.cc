#include "cli/parse.h"

#include "base/printable.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <string>

namespace bora {
namespace {

constexpr std::size_t kShown = 40;  // bytes of a word that an error repeats

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// What "", "b", "k", "kb", "kib", .. multiply by; nullopt for anything else.
std::optional<double> scale_of(std::string_view unit) {
  std::string lower;
  for (const char c : unit) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (lower.empty() || lower == "b") return 1.0;
  double scale = 1.0;
  for (const char letter : std::string_view("kmgt")) {
    scale *= 1024.0;
    if (lower[0] != letter) continue;
    const std::string rest = lower.substr(1);
    if (rest.empty() || rest == "b" || rest == "ib") return scale;
  }
  return std::nullopt;
}

}  // namespace

Result<std::int64_t> parse_whole(std::string_view word, Bounds<std::int64_t> range) {
  std::int64_t value = 0;
  const auto [end, status] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (status != std::errc() || end != word.data() + word.size() || value < range.low ||
      value > range.high) {
    return Error{ErrorCode::kUsage,
                 fmt::format("expected a whole number from {} to {}, found {}", range.low,
                             range.high, quoted(word, kShown)),
                 {}};
  }
  return value;
}

Result<double> parse_real(std::string_view word, Bounds<double> range) {
  double value = 0;
  const auto [end, status] = std::from_chars(word.data(), word.data() + word.size(), value);
  // A NaN compares false with both bounds, so the range is asked for, not its opposite.
  const bool inside = value >= range.low && value <= range.high;
  if (status != std::errc() || end != word.data() + word.size() || !inside) {
    return Error{ErrorCode::kUsage,
                 fmt::format("expected a number from {} to {}, found {}", range.low, range.high,
                             quoted(word, kShown)),
                 {}};
  }
  return value;
}

Result<std::size_t> parse_bytes(std::string_view word) {
  const Error wrong{
      ErrorCode::kUsage,
      fmt::format("expected a size such as 8G or 512M, found {}", quoted(word, kShown)),
      {}};
  double value = 0.0;
  const char* const last = word.data() + word.size();
  const auto [end, status] = std::from_chars(word.data(), last, value, std::chars_format::fixed);
  if (status != std::errc()) return wrong;
  const std::optional<double> scale = scale_of({end, static_cast<std::size_t>(last - end)});
  // A NaN compares false, so the range is asked for, not its opposite. 2^63 bytes are plenty.
  constexpr double kMost = 9.2e18;
  if (!scale || !(value * *scale >= 1.0 && value * *scale <= kMost)) return wrong;
  return static_cast<std::size_t>(value * *scale);
}

Result<std::vector<TokenId>> parse_ids(std::string_view text) {
  std::vector<TokenId> ids;
  if (trimmed(text).empty()) return ids;
  for (;;) {
    const std::size_t comma = text.find(',');
    Result<std::int64_t> id = parse_whole(trimmed(text.substr(0, comma)), kAnyCount);
    if (!id) {
      return Error{ErrorCode::kUsage,
                   fmt::format("expected token ids such as 1,2,3, found {}",
                               quoted(trimmed(text.substr(0, comma)), kShown)),
                   {}};
    }
    ids.push_back(static_cast<TokenId>(*id));
    if (comma == std::string_view::npos) return ids;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace bora
