// The tile instructions of AMX (Intel 64 manual, volume 2; generic/tiles.h says what each does).
//
// Written as assembly: the compilers' intrinsics take the numbers of tiles from their spelling,
// not from constants of a template, and GCC 12's tell it of 8 of the 64 bytes that LDTILECFG reads.
#pragma once

#include "kernels/cpu/generic/tiles.h"

namespace bora::kernels::amx {
namespace {

class Tiles {
 public:
  [[gnu::always_inline]] explicit Tiles(const generic::TileShapes& shapes) {
    Configuration configuration{};
    configuration.palette = 1;
    for (int i = 0; i < 8; ++i) {
      configuration.row_bytes[i] = shapes.of[i].row_bytes;
      configuration.rows[i] = shapes.of[i].rows;
    }
    asm volatile("ldtilecfg %0" : : "m"(configuration));
  }
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;
  // Tiles in their initial state cost nothing at a task switch.
  [[gnu::always_inline]] ~Tiles() { asm volatile("tilerelease"); }

  template <int kTile>
  [[gnu::always_inline]] void zero() {
    asm volatile("tilezero %%tmm%c0" : : "i"(kTile));
  }
  template <int kTile>
  [[gnu::always_inline]] void load(const void* from, std::size_t stride) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(stride), "i"(kTile) : "memory");
  }
  template <int kTile>
  [[gnu::always_inline]] void store(void* to, std::size_t stride) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(to), "r"(stride), "i"(kTile) : "memory");
  }
  template <int kSums, int kA, int kB>
  [[gnu::always_inline]] void dot_bf16() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSums), "i"(kA), "i"(kB));
  }
  template <int kSums, int kA, int kB>
  [[gnu::always_inline]] void dot_ss() {
    asm volatile("tdpbssd %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSums), "i"(kA), "i"(kB));
  }
  template <int kSums, int kA, int kB>
  [[gnu::always_inline]] void dot_su() {
    asm volatile("tdpbsud %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSums), "i"(kA), "i"(kB));
  }
  template <int kSums, int kA, int kB>
  [[gnu::always_inline]] void dot_us() {
    asm volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSums), "i"(kA), "i"(kB));
  }
  template <int kSums, int kA, int kB>
  [[gnu::always_inline]] void dot_uu() {
    asm volatile("tdpbuud %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSums), "i"(kA), "i"(kB));
  }

 private:
  // What LDTILECFG reads.
  struct Configuration {
    std::uint8_t palette;
    std::uint8_t start_row;
    std::uint8_t reserved[14];
    std::uint16_t row_bytes[16];
    std::uint8_t rows[16];
  };
  static_assert(sizeof(Configuration) == 64);
};

}  // namespace
}  // namespace bora::kernels::amx
