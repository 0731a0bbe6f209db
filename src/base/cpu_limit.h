// The CPU limit that a control group (a container's quota) puts on this process.
//
// Reads the files of cgroup v2 (cpu.max) and v1 (cpu.cfs_quota_us, cpu.cfs_period_us). Files that
// are absent or malformed mean no limit: this never fails.
#pragma once

#include <filesystem>
#include <optional>

namespace bora {

// CPUs the tightest quota on the way from the process's group to the root allows, rounded up, at
// least 1; nullopt where there is none. `proc_cgroup` is /proc/self/cgroup and `cgroup_root`
// /sys/fs/cgroup, except in tests.
std::optional<int> cgroup_cpu_limit(const std::filesystem::path& proc_cgroup,
                                    const std::filesystem::path& cgroup_root);

}  // namespace bora
