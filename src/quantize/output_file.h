// OutputFile: a file that becomes visible whole or not at all.
//
// It is written beside its place under another name, reserved to its full size first, and publish()
// puts it there once all of it is on the disk; until then the destructor removes it, and a process
// that dies leaves only the file of the other name, which the next create() replaces. take_up()
// gives one that stays unfinished and is gone on with by a later process. Only one process at a
// time may write a place: whoever calls holds its lock (file_lock.h). in_memory() gives a file that
// no folder shows and that lives as long as its maps. Owner: one thread.
//
// Errors: kNotFound where the folder may not be written; kFailed naming the place, the bytes needed
// and what the system said (a full disk, a quota, a size limit). SIGXFSZ must be ignored for the
// last of these to be an error.
#pragma once

#include "base/mapped_file.h"
#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace bora {

class OutputFile {
 public:
  // `bytes`: the size it will have.
  static Result<OutputFile> create(const std::filesystem::path& place, std::uint64_t bytes);
  static Result<OutputFile> in_memory(std::uint64_t bytes);
  // What is there of `path`, or a file of zeros.
  static Result<OutputFile> take_up(const std::filesystem::path& path, std::uint64_t bytes);

  ~OutputFile();
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  // Any order; what is never written is zero.
  Result<void> write(std::uint64_t offset, std::span<const std::byte> bytes);

  // What has been written is on the disk when this returns.
  Result<void> sync();

  // All of it to the disk, then to its place. Gives the map. Called once, last.
  Result<MappedFile> publish();
  // The same to that place, on the same file system.
  Result<MappedFile> publish_as(const std::filesystem::path& place);

  // Where the unfinished file of that place lies.
  static std::filesystem::path unfinished(const std::filesystem::path& place);

 private:
  OutputFile(int descriptor, std::filesystem::path written, std::uint64_t bytes, bool stays);
  static Result<OutputFile> open_at(const std::filesystem::path& path, std::uint64_t bytes,
                                    int flags, bool stays);
  [[nodiscard]] Error failed(int error) const;
  Result<void> reserve();
  Result<void> move_to(const std::filesystem::path& place);

  int descriptor_ = -1;
  std::filesystem::path written_;  // where it lies until it is published; empty: in memory
  std::filesystem::path place_;    // of create()
  std::uint64_t bytes_ = 0;
  bool stays_ = false;  // also where it is not published
};

}  // namespace bora
