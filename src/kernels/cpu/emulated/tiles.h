// The tile instructions of AMX in plain C++ (Intel 64 manual, volume 2: TDPBF16PS, TDPBSSD and its
// like, TILELOADD, TILESTORED), for tests; slow. On a machine with AMX, tests compare their bits.
#pragma once

#include "kernels/cpu/emulated/bf16_instructions.h"
#include "kernels/cpu/generic/tiles.h"

namespace bora::kernels::emulated {
namespace {

class Tiles {
 public:
  explicit Tiles(const generic::TileShapes& shapes) : shapes_(shapes) {}

  template <int kTile>
  void zero() {
    __builtin_memset(tiles_[kTile], 0, sizeof(tiles_[kTile]));
  }
  template <int kTile>
  void load(const void* from, std::size_t stride) {
    zero<kTile>();
    for (std::size_t row = 0; row < shapes_.of[kTile].rows; ++row) {
      __builtin_memcpy(tiles_[kTile][row], static_cast<const std::byte*>(from) + row * stride,
                       shapes_.of[kTile].row_bytes);
    }
  }
  template <int kTile>
  void store(void* to, std::size_t stride) {
    for (std::size_t row = 0; row < shapes_.of[kTile].rows; ++row) {
      __builtin_memcpy(static_cast<std::byte*>(to) + row * stride, tiles_[kTile][row],
                       shapes_.of[kTile].row_bytes);
    }
  }

  template <int kSums, int kA, int kB>
  void dot_bf16() {
    for_each<kSums>([&](std::size_t m, std::size_t n, std::uint32_t sum) {
      float even = 0.0F;
      float odd = 0.0F;
      for (std::size_t k = 0; k < shapes_.of[kA].row_bytes / 4U; ++k) {
        const std::uint32_t a = lane(kA, m, k);
        const std::uint32_t b = lane(kB, k, n);
        even = fma_flushed(float_of(a << 16), float_of(b << 16), even);
        odd = fma_flushed(float_of(a & 0xFFFF0000U), float_of(b & 0xFFFF0000U), odd);
      }
      return bits_of(flush(flush(float_of(sum)) + flush(even + odd)));
    });
  }
  template <int kSums, int kA, int kB>
  void dot_ss() {
    dot_bytes<kSums, kA, kB, std::int8_t, std::int8_t>();
  }
  template <int kSums, int kA, int kB>
  void dot_su() {
    dot_bytes<kSums, kA, kB, std::int8_t, std::uint8_t>();
  }
  template <int kSums, int kA, int kB>
  void dot_us() {
    dot_bytes<kSums, kA, kB, std::uint8_t, std::int8_t>();
  }
  template <int kSums, int kA, int kB>
  void dot_uu() {
    dot_bytes<kSums, kA, kB, std::uint8_t, std::uint8_t>();
  }

 private:
  [[nodiscard]] std::uint32_t lane(int tile, std::size_t row, std::size_t index) const {
    std::uint32_t bits;
    __builtin_memcpy(&bits, tiles_[tile][row] + 4 * index, sizeof(bits));
    return bits;
  }

  template <int kSums, class Sum>
  void for_each(const Sum& sum) {
    for (std::size_t m = 0; m < shapes_.of[kSums].rows; ++m) {
      for (std::size_t n = 0; n < shapes_.of[kSums].row_bytes / 4U; ++n) {
        const std::uint32_t bits = sum(m, n, lane(kSums, m, n));
        __builtin_memcpy(tiles_[kSums][m] + 4 * n, &bits, sizeof(bits));
      }
    }
  }

  template <int kSums, int kA, int kB, class A, class B>
  void dot_bytes() {
    for_each<kSums>([&](std::size_t m, std::size_t n, std::uint32_t sum) {
      for (std::size_t k = 0; k < shapes_.of[kA].row_bytes; ++k) {
        const auto a = static_cast<A>(tiles_[kA][m][k]);
        const auto b = static_cast<B>(tiles_[kB][k / 4][4 * n + k % 4]);
        sum += static_cast<std::uint32_t>(a * b);
      }
      return sum;
    });
  }

  generic::TileShapes shapes_;
  std::byte tiles_[8][16][64]{};
};

}  // namespace
}  // namespace bora::kernels::emulated
