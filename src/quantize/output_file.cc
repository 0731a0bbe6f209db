#include "quantize/output_file.h"

#include "base/memory.h"
#include "base/printable.h"

#include <fmt/format.h>

#include <cerrno>
#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace bora {
namespace {

std::string system_text(int error) { return std::generic_category().message(error); }

// Free bytes of the file system for this user; nullopt where the system does not say.
std::optional<std::uint64_t> free_bytes(int descriptor) {
  struct statvfs status {};
  if (fstatvfs(descriptor, &status) != 0) return std::nullopt;
  return std::uint64_t{status.f_bavail} * status.f_frsize;
}

}  // namespace

std::filesystem::path OutputFile::unfinished(const std::filesystem::path& place) {
  return place.string() + ".unfinished";
}

OutputFile::OutputFile(int descriptor, std::filesystem::path written, std::uint64_t bytes,
                       bool stays)
    : descriptor_(descriptor), written_(std::move(written)), bytes_(bytes), stays_(stays) {}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      written_(std::move(other.written_)),
      place_(std::move(other.place_)),
      bytes_(other.bytes_),
      stays_(other.stays_) {}

OutputFile::~OutputFile() {
  if (descriptor_ < 0) return;
  close(descriptor_);
  if (!stays_ && !written_.empty()) unlink(written_.c_str());
}

Error OutputFile::failed(int error) const {
  const std::filesystem::path& shown = place_.empty() ? written_ : place_;
  const std::string where = shown.empty() ? "memory" : printable(shown.string(), 1024);
  std::string found = system_text(error);
  const std::optional<std::uint64_t> left = free_bytes(descriptor_);
  if (left && *left < bytes_) found += fmt::format(" ({} bytes free)", *left);
  Error result{ErrorCode::kFailed,
               fmt::format("{}: expected room for {} bytes, found {}", where, bytes_, found),
               {}};
  if (!shown.empty()) {
    result.hints = {"free some space there, or name another folder with --cache-dir"};
  }
  return result;
}

Result<OutputFile> OutputFile::open_at(const std::filesystem::path& path, std::uint64_t bytes,
                                       int flags, bool stays) {
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | flags, 0644);
  if (descriptor < 0) {
    const int error = errno;
    const bool refused = error == EACCES || error == EPERM || error == EROFS;
    return Error{refused ? ErrorCode::kNotFound : ErrorCode::kFailed,
                 fmt::format("{}: expected room for {} bytes, found {}",
                             printable(path.string(), 1024), bytes, system_text(error)),
                 {}};
  }
  return OutputFile(descriptor, path, bytes, stays);
}

Result<OutputFile> OutputFile::create(const std::filesystem::path& place, std::uint64_t bytes) {
  unlink(unfinished(place).c_str());  // of a process that died
  Result<OutputFile> file = open_at(unfinished(place), bytes, O_EXCL, false);
  if (!file) return file;
  file->place_ = place;
  if (Result<void> reserved = file->reserve(); !reserved) return std::move(reserved).error();
  return file;
}

Result<OutputFile> OutputFile::take_up(const std::filesystem::path& path, std::uint64_t bytes) {
  Result<OutputFile> file = open_at(path, bytes, O_NOFOLLOW, true);
  if (!file) return file;
  struct stat status {};
  const bool whole =
      fstat(file->descriptor_, &status) == 0 && static_cast<std::uint64_t>(status.st_size) == bytes;
  if (whole) return file;  // it has its room
  if (ftruncate(file->descriptor_, 0) != 0) return file->failed(errno);
  if (Result<void> reserved = file->reserve(); !reserved) {
    unlink(path.c_str());
    return std::move(reserved).error();
  }
  return file;
}

Result<OutputFile> OutputFile::in_memory(std::uint64_t bytes) {
  if (const std::size_t available = available_memory(); bytes > available) {
    return Error{ErrorCode::kDoesNotFit,
                 fmt::format("memory: expected {} MB for the quantized weights, found {} MB",
                             bytes >> 20U, available >> 20U),
                 {"--cache-dir FOLDER keeps them in a file instead"}};
  }
  const int descriptor = memfd_create("bora-weights", MFD_CLOEXEC);
  if (descriptor < 0) {
    return Error{
        ErrorCode::kFailed,
        fmt::format("memory: expected room for {} bytes, found {}", bytes, system_text(errno)),
        {}};
  }
  OutputFile file(descriptor, {}, bytes, false);
  if (ftruncate(descriptor, static_cast<off_t>(bytes)) != 0) return file.failed(errno);
  return file;
}

// A disk that will be full is found out before the work, not at its end. fallocate() takes the
// blocks for certain; where a file system has none, the free space is at least looked at.
Result<void> OutputFile::reserve() {
  if (const std::optional<std::uint64_t> left = free_bytes(descriptor_); left && *left < bytes_) {
    return failed(ENOSPC);
  }
  while (fallocate(descriptor_, 0, 0, static_cast<off_t>(bytes_)) != 0) {
    if (errno == EINTR) continue;
    if (errno != EOPNOTSUPP && errno != ENOSYS) return failed(errno);
    if (ftruncate(descriptor_, static_cast<off_t>(bytes_)) != 0) return failed(errno);
    break;
  }
  return {};
}

Result<void> OutputFile::write(std::uint64_t offset, std::span<const std::byte> bytes) {
  std::span<const std::byte> left = bytes;
  std::uint64_t at = offset;
  while (!left.empty()) {
    const ssize_t written = pwrite(descriptor_, left.data(), left.size(), static_cast<off_t>(at));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return failed(written < 0 ? errno : ENOSPC);
    left = left.subspan(static_cast<std::size_t>(written));
    at += static_cast<std::uint64_t>(written);
  }
  // Starts the disk on it now, so that no gigabytes of dirty pages gather. Advice only.
  if (!written_.empty()) {
    sync_file_range(descriptor_, static_cast<off_t>(offset), static_cast<off_t>(bytes.size()),
                    SYNC_FILE_RANGE_WRITE);
  }
  return {};
}

Result<void> OutputFile::sync() {
  if (fdatasync(descriptor_) != 0) return failed(errno);
  return {};
}

Result<void> OutputFile::move_to(const std::filesystem::path& place) {
  if (fsync(descriptor_) != 0) return failed(errno);
  if (rename(written_.c_str(), place.c_str()) != 0) return failed(errno);
  stays_ = true;
  // The folder's entry too. Where this fails the file is whole, and may be made again after a
  // crash.
  const int folder = open(place.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    fsync(folder);
    close(folder);
  }
  return {};
}

Result<MappedFile> OutputFile::publish() {
  if (written_.empty()) return MappedFile::open(fmt::format("/proc/self/fd/{}", descriptor_));
  return publish_as(place_);
}

Result<MappedFile> OutputFile::publish_as(const std::filesystem::path& place) {
  if (Result<void> moved = move_to(place); !moved) return std::move(moved).error();
  return MappedFile::open(place);
}

}  // namespace bora
