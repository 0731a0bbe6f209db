#include "base/memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

namespace bora {
namespace {

constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

// The number that follows `key` at the start of a line; 0 where there is none.
std::size_t number_after(const std::filesystem::path& path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.compare(0, key.size(), key) != 0) continue;
    line.erase(0, key.size());
    line.erase(0, line.find_first_not_of(' '));
    const auto number = parse_number(line.substr(0, line.find(' ')));
    return number && *number > 0 ? static_cast<std::size_t>(*number) : 0;
  }
  return 0;
}

// What the group's limit leaves: limit - (usage - page cache).
std::size_t left_in_group(const std::filesystem::path& folder) {
  const bool v2 = std::filesystem::exists(folder / "memory.max");
  const auto limit =
      parse_number(first_line(folder / (v2 ? "memory.max" : "memory.limit_in_bytes")));
  const auto usage =
      parse_number(first_line(folder / (v2 ? "memory.current" : "memory.usage_in_bytes")));
  if (!limit || *limit < 0) return kUnlimited;
  const std::size_t used = usage && *usage > 0 ? static_cast<std::size_t>(*usage) : 0;
  const std::string prefix = v2 ? "" : "total_";
  const std::size_t cache = number_after(folder / "memory.stat", prefix + "inactive_file ") +
                            number_after(folder / "memory.stat", prefix + "active_file ");
  const std::size_t held = used - std::min(used, cache);
  return static_cast<std::size_t>(*limit) - std::min(static_cast<std::size_t>(*limit), held);
}

}  // namespace

std::size_t available_memory(const CgroupPaths& cgroup, const std::filesystem::path& meminfo) {
  const std::size_t kilobytes = number_after(meminfo, "MemAvailable:");
  std::size_t available = kilobytes == 0 ? kUnlimited : kilobytes * 1024;
  for (const auto& folder : cgroup_folders(cgroup, "memory")) {
    available = std::min(available, left_in_group(folder));
  }
  return available;
}

}  // namespace bora
