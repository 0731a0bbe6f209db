// Writing a file whole or not at all: readers, a full disk and a kill see the old one or the new.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace bora {

// Writes a new file beside `path` and renames it to `path`, replacing a file that is there (through
// a symbolic link: the one it leads to). Errors: kFailed, the system's reason; kUsage where `path`
// is something else than a file. Nothing is left behind then.
Result<void> write_file_whole(const std::filesystem::path& path, std::string_view content,
                              unsigned mode = 0666);

// The same for a file that begins so and has `bytes` in all: what follows `beginning` is zeros that
// take no room on the disk. Precondition: bytes >= beginning.size().
Result<void> write_file_with_hole(const std::filesystem::path& path, std::string_view beginning,
                                  std::uint64_t bytes);

}  // namespace bora
