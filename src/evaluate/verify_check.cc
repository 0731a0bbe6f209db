#include "evaluate/verify_check.h"

#include "base/printable.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace bora {

void fail(VerifyReport& report, std::string line) {
  ++report.failed;
  if (report.failures.size() < VerifyReport::kMaxFailures) {
    report.failures.push_back(std::move(line));
  }
}

Result<std::vector<TokenId>> read_ids(const JsonObject& object, std::string_view key) {
  Result<std::vector<std::int64_t>> numbers = object.get_ints(key);
  if (!numbers) return std::move(numbers).error();
  std::vector<TokenId> ids;
  ids.reserve(numbers->size());
  for (const std::int64_t number : *numbers) {
    if (number < 0 || number > std::numeric_limits<TokenId>::max()) {
      return object.error(key, "token ids");
    }
    ids.push_back(static_cast<TokenId>(number));
  }
  return ids;
}

Result<std::vector<Entry>> read_entries(const JsonObject& object, std::string_view key) {
  Result<simdjson::dom::array> array = object.get_array(key);
  if (!array) return std::move(array).error();
  std::vector<Entry> entries;
  for (const simdjson::dom::element element : *array) {
    simdjson::dom::object members;
    if (element.get(members) != simdjson::SUCCESS) return object.error(key, "a list of objects");
    std::string where = fmt::format("{}[{}]", key, entries.size());
    entries.push_back({JsonObject(members, where + "."), std::move(where)});
  }
  return entries;
}

std::string first_difference(std::span<const TokenId> expected, std::span<const TokenId> found) {
  const auto [e, f] = std::ranges::mismatch(expected, found);
  const auto shown = [](auto at, auto end) {
    return at == end ? std::string("the end") : std::to_string(*at);
  };
  return fmt::format("id {}: expected {}, found {}", e - expected.begin(), shown(e, expected.end()),
                     shown(f, found.end()));
}

std::string first_difference(std::string_view expected, std::string_view found) {
  constexpr std::size_t kShown = 24;
  const auto at =
      static_cast<std::size_t>(std::ranges::mismatch(expected, found).in1 - expected.begin());
  return fmt::format("byte {}: expected {}, found {}", at, quoted(expected.substr(at), kShown),
                     quoted(found.substr(at), kShown));
}

}  // namespace bora
