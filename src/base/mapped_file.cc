#include "base/mapped_file.h"

#include "base/printable.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace bora {
namespace {

// The maps of the process, as a signal handler may read them: plain atomics in static memory. A
// slot is taken while `begin` is not 0; slot 0 stays free so that 0 can mean "none". A process that
// maps more files than there are slots keeps working: a truncation of the others then ends it by
// SIGBUS.
struct GuardSlot {
  std::atomic<std::uintptr_t> begin{0};
  std::atomic<std::size_t> size{0};
  std::atomic<char*> path{nullptr};
};
constexpr std::uintptr_t kClaimed = 1;  // taken, not yet filled; no map begins at 1
std::array<GuardSlot, 4096> guard_slots;

std::size_t register_map(const std::byte* data, std::size_t size, const std::string& path) {
  for (std::size_t i = 1; i < guard_slots.size(); ++i) {
    GuardSlot& slot = guard_slots[i];
    std::uintptr_t none = 0;
    if (!slot.begin.compare_exchange_strong(none, kClaimed)) continue;
    slot.size = size;
    slot.path = strdup(path.c_str());
    slot.begin = reinterpret_cast<std::uintptr_t>(data);
    return i;
  }
  return 0;
}

void unregister_map(std::size_t index) {
  if (index == 0) return;
  GuardSlot& slot = guard_slots[index];
  slot.size = 0;
  std::free(slot.path.exchange(nullptr));
  slot.begin = 0;
}

void write_text(const char* text) {
  const char* at = text;
  std::size_t left = std::strlen(text);
  while (left > 0) {
    const ssize_t written = write(STDERR_FILENO, at, left);
    if (written <= 0) return;
    at += written;
    left -= static_cast<std::size_t>(written);
  }
}

void write_number(std::size_t number) {
  std::array<char, 24> digits{};
  char* at = digits.data() + digits.size() - 1;
  do {
    *--at = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number > 0);
  write_text(at);
}

// Async-signal-safe: reads atomics, write(2), _exit(2), signal(2).
void on_sigbus(int signal_number, siginfo_t* fault, void* /*context*/) {
  const auto address = reinterpret_cast<std::uintptr_t>(fault->si_addr);
  for (const GuardSlot& slot : guard_slots) {
    const std::uintptr_t begin = slot.begin;
    const std::size_t size = slot.size;
    const char* path = slot.path;
    if (begin <= kClaimed || address < begin || address - begin >= size) continue;
    write_text("bora: ");
    write_text(path != nullptr ? path : "model file");
    write_text(": expected ");
    write_number(size);
    write_text(" bytes, found fewer: the file was truncated while in use\n");
    _exit(3);
  }
  // Not ours: the same access faults again and meets the default action.
  std::signal(signal_number, SIG_DFL);
}

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

std::string system_text(int error) { return std::generic_category().message(error); }

Error file_error(ErrorCode code, const std::filesystem::path& path, const std::string& expected,
                 const std::string& found) {
  return Error{
      code, printable(path.string(), 1024) + ": expected " + expected + ", found " + found, {}};
}

struct OpenFile {
  FileDescriptor fd;
  std::size_t size;
};

Result<OpenFile> open_regular_file(const std::filesystem::path& path) {
  // O_NONBLOCK: opening a pipe that nobody writes to must not wait. It changes nothing for files.
  FileDescriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) {
    const int error = errno;
    const bool missing = error == ENOENT || error == ENOTDIR;
    const bool not_found = missing || error == EACCES || error == EPERM;
    return file_error(not_found ? ErrorCode::kNotFound : ErrorCode::kFailed, path,
                      "a readable file", missing ? "nothing there" : system_text(error));
  }
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) {
    return file_error(ErrorCode::kFailed, path, "a readable file", system_text(errno));
  }
  if (!S_ISREG(status.st_mode)) {
    return file_error(ErrorCode::kBadModel, path, "a regular file",
                      S_ISDIR(status.st_mode) ? "a folder" : "a pipe, socket or device");
  }
  return OpenFile{std::move(fd), static_cast<std::size_t>(status.st_size)};
}

}  // namespace

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  Result<OpenFile> file = open_regular_file(path);
  if (!file) return std::move(file).error();
  MappedFile map;
  map.path_ = path;
  if (file->size == 0) return map;
  void* memory = mmap(nullptr, file->size, PROT_READ, MAP_SHARED, file->fd.get(), 0);
  if (memory == MAP_FAILED) {
    return file_error(ErrorCode::kFailed, path, "the system to map the file", system_text(errno));
  }
  map.data_ = static_cast<const std::byte*>(memory);
  map.size_ = file->size;
  map.guard_slot_ = register_map(map.data_, map.size_, path.string());
  return map;
}

MappedFile::~MappedFile() {
  if (data_ == nullptr) return;
  unregister_map(guard_slot_);
  munmap(const_cast<std::byte*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      guard_slot_(std::exchange(other.guard_slot_, 0)),
      path_(std::move(other.path_)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(guard_slot_, other.guard_slot_);
  std::swap(path_, other.path_);
  return *this;
}

void MappedFile::will_need(std::size_t offset, std::size_t length) const noexcept {
  advise(offset, length, MADV_WILLNEED);
}

void MappedFile::done_with(std::size_t offset, std::size_t length) const noexcept {
  // For a map of a file this drops page table entries, never data.
  advise(offset, length, MADV_DONTNEED);
}

void MappedFile::advise(std::size_t offset, std::size_t length, int advice) const noexcept {
  if (offset >= size_) return;
  static const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::size_t end = offset + std::min(length, size_ - offset);
  const std::size_t begin = offset / page * page;
  madvise(const_cast<std::byte*>(data_) + begin, end - begin, advice);
}

Result<std::string> read_text_file(const std::filesystem::path& path, std::size_t limit) {
  Result<OpenFile> file = open_regular_file(path);
  if (!file) return std::move(file).error();
  const auto too_long = [&] {
    return file_error(ErrorCode::kBadModel, path, "at most " + std::to_string(limit) + " bytes",
                      "more");
  };
  if (file->size > limit) return too_long();
  std::string text;
  text.reserve(file->size);
  std::array<char, 65536> chunk;  // NOLINT(cppcoreguidelines-pro-type-member-init): read() fills it
  while (true) {
    const ssize_t got = read(file->fd.get(), chunk.data(), chunk.size());
    if (got == 0) return text;
    if (got < 0) {
      if (errno == EINTR) continue;
      return file_error(ErrorCode::kFailed, path, "a readable file", system_text(errno));
    }
    if (static_cast<std::size_t>(got) > limit - text.size()) return too_long();
    text.append(chunk.data(), static_cast<std::size_t>(got));
  }
}

void install_sigbus_guard() {
  struct sigaction action {};
  action.sa_sigaction = on_sigbus;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, nullptr);
}

}  // namespace bora
