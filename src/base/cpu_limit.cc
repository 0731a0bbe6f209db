#include "base/cpu_limit.h"

#include "base/cgroup.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace bora {
namespace {

constexpr long long kMaxCpus = 1 << 20;

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

}  // namespace

std::optional<int> cgroup_cpu_limit(const std::filesystem::path& proc_cgroup,
                                    const std::filesystem::path& cgroup_root) {
  std::optional<int> tightest;
  for (const auto& folder : cgroup_folders({proc_cgroup, cgroup_root}, "cpu")) {
    const std::optional<int> limit = limit_of_group(folder);
    if (limit) tightest = tightest ? std::min(*tightest, *limit) : *limit;
  }
  return tightest;
}

}  // namespace bora
