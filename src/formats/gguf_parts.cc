#include "formats/gguf_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace bora {
namespace {

constexpr std::size_t kDigits = 5;
constexpr std::string_view kOf = "-of-";
constexpr std::string_view kSuffix = ".gguf";

// The number that ends `text`, which is cut off; 0 where five digits do not end it.
std::size_t take_number(std::string_view& text) {
  if (text.size() < kDigits) return 0;
  const std::string_view digits = text.substr(text.size() - kDigits);
  std::size_t number = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + kDigits, number);
  if (failure != std::errc() || end != digits.data() + kDigits) return 0;
  text.remove_suffix(kDigits);
  return number;
}

bool take(std::string_view& text, std::string_view ending) {
  if (!text.ends_with(ending)) return false;
  text.remove_suffix(ending.size());
  return true;
}

}  // namespace

std::optional<GgufPartName> parse_part_name(std::string_view file_name) {
  GgufPartName part;
  if (!take(file_name, kSuffix)) return std::nullopt;
  part.count = take_number(file_name);
  if (!take(file_name, kOf)) return std::nullopt;
  part.number = take_number(file_name);
  if (!take(file_name, "-")) return std::nullopt;
  if (part.number == 0 || part.number > part.count) return std::nullopt;
  part.model = file_name;
  return part;
}

std::string to_file_name(const GgufPartName& part) {
  return fmt::format("{}-{:05}{}{:05}{}", part.model, part.number, kOf, part.count, kSuffix);
}

bool are_parts_of_one(std::span<const std::string> file_names) {
  if (file_names.empty()) return false;
  const std::optional<GgufPartName> first = parse_part_name(file_names.front());
  return first && std::all_of(file_names.begin(), file_names.end(), [&](const std::string& name) {
           const std::optional<GgufPartName> part = parse_part_name(name);
           return part && part->model == first->model && part->count == first->count;
         });
}

}  // namespace bora
