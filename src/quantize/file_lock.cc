#include "quantize/file_lock.h"

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
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) return lock_error(path, errno);
  FileLock lock(descriptor);
  while (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return lock_error(path, errno);
    if (interrupted != nullptr && *interrupted) {
      return Error{
          ErrorCode::kInterrupted, "weights: interrupted while another process made them", {}};
    }
    on_wait();
    std::this_thread::sleep_for(kPause);
  }
  return lock;
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

}  // namespace bora
