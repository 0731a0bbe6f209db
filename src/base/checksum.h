// Checksums of cached weights, and the fingerprint of what they were made from: XXH3 with 64 and
// 128 bits, of libxxhash (https://github.com/Cyan4973/xxHash). They find damage, not malice. About
// as fast as memory is read, where zlib's crc32 takes several times as long.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace bora {

std::uint64_t checksum(std::span<const std::byte> bytes);

// The same of bytes that come in pieces.
class RunningChecksum {
 public:
  RunningChecksum();
  ~RunningChecksum();
  RunningChecksum(const RunningChecksum&) = delete;
  RunningChecksum& operator=(const RunningChecksum&) = delete;
  RunningChecksum(RunningChecksum&&) = delete;
  RunningChecksum& operator=(RunningChecksum&&) = delete;

  void add(std::span<const std::byte> bytes);
  [[nodiscard]] std::uint64_t value() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// What a file was made from, in 128 bits.
struct Fingerprint {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

Fingerprint fingerprint(std::string_view bytes);

}  // namespace bora
