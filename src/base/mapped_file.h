// MappedFile: a whole regular file, mapped read-only.
//
// Move-only; the mapping lives as long as the object and views into it must not outlive it. The
// size is fixed when opened. A file that is truncated while mapped raises SIGBUS on access: the
// handler installed by install_sigbus_guard() turns that into the error line that names the file
// and exit code 3. Any thread may read; one thread owns the object.
#pragma once

#include "base/result.h"

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace bora {

class MappedFile {
 public:
  // Errors: kNotFound (no such file, not allowed), kBadModel (not a regular file), kFailed (the
  // system refuses the map). An empty file gives an empty span.
  static Result<MappedFile> open(const std::filesystem::path& path);

  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  [[nodiscard]] std::span<const std::byte> bytes() const { return {data_, size_}; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  // Asks the system to bring [offset, offset + length) into the page cache; returns at once and
  // never fails (it is advice). Clamped to the file.
  void will_need(std::size_t offset, std::size_t length) const noexcept;
  // Says that [offset, offset + length) has been read for now: its pages leave this process, so
  // that the system takes them first where memory is short. They stay in the page cache until then.
  void done_with(std::size_t offset, std::size_t length) const noexcept;

 private:
  MappedFile() = default;
  void advise(std::size_t offset, std::size_t length, int advice) const noexcept;

  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t guard_slot_ = 0;  // what the SIGBUS handler knows of this map; 0 for none
  std::filesystem::path path_;
};

// Reads a small text file whole, to its end rather than to the size the system states (which is 0
// in /proc). `limit`: bytes allowed; above it kBadModel. Errors as MappedFile::open.
Result<std::string> read_text_file(const std::filesystem::path& path, std::size_t limit);

// Installs the process-wide SIGBUS handler described above. Called once, by main().
void install_sigbus_guard();

}  // namespace bora
