#include "base/cpu_limit.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string>
#include <string_view>

namespace bora {
namespace {

constexpr long long kMaxCpus = 1 << 20;

std::string first_line(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::optional<long long> parse_number(std::string_view text) {
  long long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// A quota of -1 or "max" is none.
std::optional<int> cpus_of(std::string_view quota_text, std::string_view period_text) {
  const std::optional<long long> quota = parse_number(quota_text);
  const std::optional<long long> period = parse_number(period_text);
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  const long long cpus = *quota / *period + (*quota % *period == 0 ? 0 : 1);
  return static_cast<int>(std::min(cpus, kMaxCpus));
}

std::optional<int> limit_of_group(const std::filesystem::path& group) {
  const std::string max = first_line(group / "cpu.max");
  if (const std::size_t space = max.find(' '); space != std::string::npos) {
    return cpus_of(std::string_view(max).substr(0, space), std::string_view(max).substr(space + 1));
  }
  return cpus_of(first_line(group / "cpu.cfs_quota_us"), first_line(group / "cpu.cfs_period_us"));
}

// The tightest limit of `group` (a path as /proc/self/cgroup writes it, "/a/b") and its parents.
// Inside a container the path is the host's and need not exist: the root is what counts then.
std::optional<int> limit_on_the_way(const std::filesystem::path& root, std::string_view group) {
  std::optional<int> tightest;
  while (true) {
    while (!group.empty() && group.front() == '/') group.remove_prefix(1);
    if (const std::optional<int> limit = limit_of_group(root / group)) {
      tightest = tightest ? std::min(*tightest, *limit) : *limit;
    }
    if (group.empty()) return tightest;
    const std::size_t slash = group.rfind('/');
    group = group.substr(0, slash == std::string_view::npos ? 0 : slash);
  }
}

bool lists_cpu(std::string_view controllers) {
  while (!controllers.empty()) {
    const std::size_t comma = controllers.find(',');
    if (controllers.substr(0, comma) == "cpu") return true;
    if (comma == std::string_view::npos) return false;
    controllers.remove_prefix(comma + 1);
  }
  return false;
}

}  // namespace

std::optional<int> cgroup_cpu_limit(const std::filesystem::path& proc_cgroup,
                                    const std::filesystem::path& cgroup_root) {
  std::ifstream file(proc_cgroup);
  std::optional<int> tightest;
  // Lines are "id:controllers:path"; v2 is id 0 with no controllers.
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const auto controllers = std::string_view(line).substr(first + 1, second - first - 1);
    const auto group = std::string_view(line).substr(second + 1);
    std::optional<int> limit;
    if (controllers.empty()) limit = limit_on_the_way(cgroup_root, group);
    if (lists_cpu(controllers)) limit = limit_on_the_way(cgroup_root / controllers, group);
    if (limit) tightest = tightest ? std::min(*tightest, *limit) : *limit;
  }
  return tightest;
}

}  // namespace bora
