#include "cli/parse.h"

#include "base/printable.h"

#include <fmt/format.h>

#include <charconv>

namespace bora {
namespace {

constexpr std::size_t kShown = 40;  // bytes of a word that an error repeats

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
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
