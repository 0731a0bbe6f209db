// What lies in a folder and in those below it.
#pragma once

#include <filesystem>
#include <vector>

namespace bora {

// All entries that are no folders, in no order; links are entries, and are not followed. Nothing
// where a folder is missing, and what was found so far where one cannot be read.
std::vector<std::filesystem::path> files_below(const std::filesystem::path& folder);

}  // namespace bora
