// How much memory this process can still take: what the machine has left, and what its control
// group (a container's limit) leaves. Page cache counts as free: the system gives it back.
#pragma once

#include "base/cgroup.h"

#include <cstddef>
#include <filesystem>

namespace bora {

// Bytes; the largest size_t where nothing can be read. The paths differ in tests only.
std::size_t available_memory(const CgroupPaths& cgroup = {},
                             const std::filesystem::path& meminfo = "/proc/meminfo");

}  // namespace bora
