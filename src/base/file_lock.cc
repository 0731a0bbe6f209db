#include "base/file_lock.h"

#include "base/printable.h"

#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <sys/file.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace bora {
namespace {

Error lock_error(const std::filesystem::path& path, int error) {
  const bool refused = error == EACCES || error == EPERM || error == EROFS;
  return Error{refused ? ErrorCode::kNotFound : ErrorCode::kFailed,
               fmt::format("{}: expected a lock, found {}", printable(path.string(), 1024),
                           std::generic_category().message(error)),
               {}};
}

}  // namespace

Result<FileLock> FileLock::acquire(const std::filesystem::path& path, FunctionRef<void()> on_wait,
                                   const std::atomic<bool>* interrupted) {
  constexpr std::chrono::milliseconds kPause{50};
  for (;;) {
    Result<std::optional<FileLock>> lock = try_acquire(path);
    if (!lock) return std::move(lock).error();
    if (lock->has_value()) return *std::move(*lock);
    if (interrupted != nullptr && *interrupted) {
      return Error{ErrorCode::kInterrupted, "lock: interrupted while another process held it", {}};
    }
    on_wait();
    std::this_thread::sleep_for(kPause);
  }
}

Result<std::optional<FileLock>> FileLock::try_acquire(const std::filesystem::path& path) {
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) return lock_error(path, errno);
  FileLock lock(descriptor);
  while (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return std::optional<FileLock>();
    if (errno != EINTR) return lock_error(path, errno);
  }
  return std::optional<FileLock>(std::move(lock));
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

}  // namespace bora
