// ByteReader: takes little-endian values and runs of bytes off the front of a span, never beyond
// its end. The position stays where it was when a read fails.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

namespace bora {

static_assert(std::endian::native == std::endian::little, "formats/ reads files in place");

class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <class T>
  requires std::is_arithmetic_v<T> std::optional<T> read() {
    const std::optional<std::span<const std::byte>> raw = take(sizeof(T));
    if (!raw) return std::nullopt;
    T value;
    std::memcpy(&value, raw->data(), sizeof(T));
    return value;
  }

  std::optional<std::span<const std::byte>> take(std::uint64_t count) {
    if (count > left()) return std::nullopt;
    const std::span<const std::byte> taken = bytes_.subspan(at_, count);
    at_ += count;
    return taken;
  }

  // A GGUF string: a u64 length, then that many bytes.
  std::optional<std::string_view> read_string() {
    const std::size_t begin = at_;
    if (const std::optional<std::uint64_t> length = read<std::uint64_t>()) {
      if (const std::optional<std::span<const std::byte>> raw = take(*length)) {
        return std::string_view(reinterpret_cast<const char*>(raw->data()), raw->size());
      }
    }
    at_ = begin;
    return std::nullopt;
  }

  [[nodiscard]] std::size_t position() const { return at_; }
  [[nodiscard]] std::size_t left() const { return bytes_.size() - at_; }

 private:
  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
};

}  // namespace bora
