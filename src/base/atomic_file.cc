#include "base/atomic_file.h"

#include "base/check.h"
#include "base/printable.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

namespace bora {
namespace {

namespace fs = std::filesystem;

Error failed(const fs::path& path, int reason) {
  return {ErrorCode::kFailed,
          fmt::format("{}: expected to write it, found: {}", printable(path.string()),
                      std::generic_category().message(reason)),
          {}};
}

// Writes all of it, to the disk itself. 0, or errno.
int write_out(int descriptor, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(descriptor, content.data(), content.size());
    if (written >= 0) {
      content.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return ::fsync(descriptor) == 0 ? 0 : errno;
}

// Where a rename has to go: a link stays, and what it leads to is replaced.
Result<fs::path> target_of(const fs::path& path) {
  std::error_code error;
  const fs::path target = fs::weakly_canonical(path, error);
  if (error) return failed(path, error.value());
  const fs::file_status status = fs::status(target, error);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    return Error{ErrorCode::kUsage,
                 fmt::format("{}: expected a file to write, found {}", printable(path.string()),
                             fs::is_directory(status) ? "a folder" : "something else"),
                 {}};
  }
  return target;
}

Result<void> write_file(const fs::path& path, std::string_view beginning, std::uint64_t bytes,
                        unsigned mode) {
  Result<fs::path> target = target_of(path);
  if (!target) return std::move(target).error();
  const std::string scratch = fmt::format("{}.{}.tmp", target->string(), ::getpid());
  const int descriptor = ::open(scratch.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (descriptor < 0) return failed(path, errno);
  int reason = ::ftruncate(descriptor, static_cast<off_t>(bytes)) == 0 ? 0 : errno;
  if (reason == 0) reason = write_out(descriptor, beginning);
  if (::close(descriptor) != 0 && reason == 0) reason = errno;
  if (reason == 0 && std::rename(scratch.c_str(), target->c_str()) != 0) reason = errno;
  if (reason == 0) return {};
  ::unlink(scratch.c_str());
  return failed(path, reason);
}

}  // namespace

Result<void> write_file_whole(const fs::path& path, std::string_view content, unsigned mode) {
  return write_file(path, content, content.size(), mode);
}

Result<void> write_file_with_hole(const fs::path& path, std::string_view beginning,
                                  std::uint64_t bytes) {
  CHECK(bytes >= beginning.size(), "a file holds its beginning");
  return write_file(path, beginning, bytes, 0666);
}

}  // namespace bora
