// FileLock: one process at a time, by flock(2) on a file that stays. The system takes the lock back
// when its holder ends in any way. Works between threads too: each acquire() opens the file anew.
#pragma once

#include "base/function_ref.h"
#include "base/result.h"

#include <atomic>
#include <filesystem>
#include <optional>

namespace bora {

class FileLock {
 public:
  // Waits for as long as another holds it, calling on_wait() several times a second. Errors:
  // kNotFound where the file may not be written, kInterrupted once *interrupted (may be null),
  // kFailed.
  static Result<FileLock> acquire(const std::filesystem::path& path, FunctionRef<void()> on_wait,
                                  const std::atomic<bool>* interrupted);
  // Does not wait: nullopt while another holds it.
  static Result<std::optional<FileLock>> try_acquire(const std::filesystem::path& path);

  ~FileLock();
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace bora
