// What the functions of formats/unpack.h share: reading a block's bytes, and placing its codes.
#pragma once

#include "base/float16.h"
#include "formats/packed.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace bora::unpack {

// A block's bytes as numbers.
class Bytes {
 public:
  explicit Bytes(const std::byte* block) : block_(block) {}

  // `count` bits of byte `at`, from bit `shift` on.
  [[nodiscard]] int bits(std::size_t at, std::size_t shift, int count) const {
    return std::to_integer<int>(block_[at]) >> shift & ((1 << count) - 1);
  }
  [[nodiscard]] unsigned u16(std::size_t at) const { return read<std::uint16_t>(at); }
  [[nodiscard]] std::uint32_t u32(std::size_t at) const { return read<std::uint32_t>(at); }
  [[nodiscard]] float f16(std::size_t at) const { return to_float(F16{read<std::uint16_t>(at)}); }

 private:
  template <class T>
  [[nodiscard]] T read(std::size_t at) const {
    T value;
    std::memcpy(&value, block_ + at, sizeof(T));
    return value;
  }
  const std::byte* block_;
};

inline void set_code(UnpackedBlock& out, std::size_t value, int code) {
  out.groups[value / 16].codes[value % 16] = static_cast<std::int8_t>(code);
}

}  // namespace bora::unpack
