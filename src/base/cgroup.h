// The control groups this process is in, as folders to read limits from.
//
// Knows cgroup v2 and v1. Files that are absent or malformed mean no group: this never fails.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bora {

// Where the kernel shows them, except in tests.
struct CgroupPaths {
  std::filesystem::path proc_cgroup = "/proc/self/cgroup";
  std::filesystem::path root = "/sys/fs/cgroup";
};

// Folders of the process's groups for a controller ("cpu", "memory"), each before its parent, up to
// the root; those of v2 and v1 where both are mounted. Inside a container the path is the host's
// and need not exist: the root is what counts then.
std::vector<std::filesystem::path> cgroup_folders(const CgroupPaths& paths,
                                                  std::string_view controller);

// The first line of a file; empty where there is none.
std::string first_line(const std::filesystem::path& path);

// A whole number and nothing else; nullopt otherwise ("max").
std::optional<long long> parse_number(std::string_view text);

}  // namespace bora
