#include "base/cgroup.h"

#include <charconv>
#include <fstream>
#include <string>

namespace bora {
namespace {

void add_way_to_root(const std::filesystem::path& root, std::string_view group,
                     std::vector<std::filesystem::path>& folders) {
  while (true) {
    while (!group.empty() && group.front() == '/') group.remove_prefix(1);
    folders.push_back(root / group);
    if (group.empty()) return;
    const std::size_t slash = group.rfind('/');
    group = group.substr(0, slash == std::string_view::npos ? 0 : slash);
  }
}

bool lists(std::string_view controllers, std::string_view controller) {
  while (!controllers.empty()) {
    const std::size_t comma = controllers.find(',');
    if (controllers.substr(0, comma) == controller) return true;
    if (comma == std::string_view::npos) return false;
    controllers.remove_prefix(comma + 1);
  }
  return false;
}

}  // namespace

std::vector<std::filesystem::path> cgroup_folders(const CgroupPaths& paths,
                                                  std::string_view controller) {
  std::ifstream file(paths.proc_cgroup);
  std::vector<std::filesystem::path> folders;
  // Lines are "id:controllers:path"; v2 is id 0 with no controllers.
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const auto controllers = std::string_view(line).substr(first + 1, second - first - 1);
    const auto group = std::string_view(line).substr(second + 1);
    if (controllers.empty()) add_way_to_root(paths.root, group, folders);
    if (lists(controllers, controller)) add_way_to_root(paths.root / controllers, group, folders);
  }
  return folders;
}

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

}  // namespace bora
