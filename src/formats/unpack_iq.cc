// The types whose codes come from a book: an index names 4 or 8 of them at once.
#include "formats/iq_grid_tables.h"
#include "formats/unpack.h"
#include "formats/unpack_parts.h"

#include <array>
#include <bit>

namespace bora::unpack {
namespace {

constexpr std::array kIq2Levels = {8, 25, 43};
// Of 4, 12, 20, 28, 36, 44, 52, 62 the halves, which six bits hold: the unit is twice as large.
constexpr std::array kIq3XxsLevels = {2, 6, 10, 14, 18, 22, 26, 31};

// The signs of 8 values, bit i for value i: seven are stored, and their number is even.
unsigned even_signs(unsigned seven) {
  return seven | (static_cast<unsigned>(std::popcount(seven)) & 1U) << 7;
}

int with_sign(int magnitude, unsigned signs, std::size_t i) {
  return (signs >> i & 1U) != 0 ? -magnitude : magnitude;
}

// 8 values from `value` on, of an entry of 2 bits each.
void set_iq2(UnpackedBlock& out, std::size_t value, unsigned entry, unsigned signs) {
  for (std::size_t i = 0; i < 8; ++i) {
    set_code(out, value + i, with_sign(kIq2Levels[entry >> (2 * i) & 3U], signs, i));
  }
}

// 4 values from `value` on; `signs` of all 8 that begin at a multiple of 8.
void set_iq3_xxs(UnpackedBlock& out, std::size_t value, unsigned entry, unsigned signs) {
  for (std::size_t i = 0; i < 4; ++i) {
    const int level = kIq3XxsLevels[entry >> (3 * i) & 7U];
    set_code(out, value + i, with_sign(level, signs, value % 8 + i));
  }
}

void set_iq3_s(UnpackedBlock& out, std::size_t value, unsigned entry, unsigned signs) {
  for (std::size_t i = 0; i < 4; ++i) {
    const int level = static_cast<int>(2 * (entry >> (3 * i) & 7U) + 1);
    set_code(out, value + i, with_sign(level, signs, value % 8 + i));
  }
}

// 8 values -1, 0 or 1, all moved by 1/8: in eighths, of which the unit takes care.
void set_iq1(UnpackedBlock& out, std::size_t value, std::size_t index, bool down) {
  for (std::size_t i = 0; i < 8; ++i) {
    const int level = static_cast<int>(kIq1Grid[index] >> (2 * i) & 3U) - 1;
    set_code(out, value + i, 8 * level + (down ? -1 : 1));
  }
}

void set_multiplier(UnpackedBlock& out, std::size_t group, int multiplier) {
  out.groups[group].multiplier = multiplier;
  out.groups[group].offset = 0.0F;
}

void set_part_multiplier(UnpackedBlock& out, std::size_t part, int multiplier) {
  set_multiplier(out, 2 * part, multiplier);
  set_multiplier(out, 2 * part + 1, multiplier);
}

std::size_t index_of(int number) { return static_cast<std::size_t>(number); }

}  // namespace

// | scale f16 | 8 x (4 indices of a byte, u32 of 4 x 7 signs and a scale of 4 bits) |
void iq2_xxs(const std::byte* block, UnpackedBlock& out) {
  const Bytes in(block);
  out.unit = in.f16(0) / 8;
  for (std::size_t p = 0; p < 8; ++p) {
    const std::uint32_t signs_and_scale = in.u32(2 + 8 * p + 4);
    set_part_multiplier(out, p, static_cast<int>(2 * (signs_and_scale >> 28) + 1));
    for (std::size_t l = 0; l < 4; ++l) {
      const unsigned entry = kIq2XxsGrid[index_of(in.bits(2 + 8 * p + l, 0, 8))];
      set_iq2(out, 32 * p + 8 * l, entry, even_signs(signs_and_scale >> (7 * l) & 127U));
    }
  }
}

// | scale f16 | 32 x u16 of an index of 9 bits and 7 signs | 16 scales of 4 bits |
void iq2_xs(const std::byte* block, UnpackedBlock& out) {
  const Bytes in(block);
  out.unit = in.f16(0) / 8;
  for (std::size_t g = 0; g < 16; ++g) {
    set_multiplier(out, g, 2 * in.bits(66 + g / 2, g % 2 * 4, 4) + 1);
  }
  for (std::size_t n = 0; n < 32; ++n) {
    const unsigned pair = in.u16(2 + 2 * n);
    set_iq2(out, 8 * n, kIq2XsGrid[pair & 511U], even_signs(pair >> 9));
  }
}

// | scale f16 | 32 indices | signs 32 bytes | upper 2 bits of the indices | 16 scales of 4 bits |
void iq2_s(const std::byte* block, UnpackedBlock& out) {
  const Bytes in(block);
  out.unit = in.f16(0) / 8;
  for (std::size_t g = 0; g < 16; ++g) {
    set_multiplier(out, g, 2 * in.bits(74 + g / 2, g % 2 * 4, 4) + 1);
  }
  for (std::size_t n = 0; n < 32; ++n) {
    const int index = in.bits(2 + n, 0, 8) | in.bits(66 + n / 4, n % 4 * 2, 2) << 8;
    const auto signs = static_cast<unsigned>(in.bits(34 + n, 0, 8));
    set_iq2(out, 8 * n, kIq2SGrid[index_of(index)], signs);
  }
}

// | scale f16 | 64 indices | 8 x u32 of 4 x 7 signs and a scale of 4 bits |
void iq3_xxs(const std::byte* block, UnpackedBlock& out) {
  const Bytes in(block);
  out.unit = in.f16(0) / 2;
  for (std::size_t p = 0; p < 8; ++p) {
    const std::uint32_t signs_and_scale = in.u32(66 + 4 * p);
    set_part_multiplier(out, p, static_cast<int>(2 * (signs_and_scale >> 28) + 1));
    for (std::size_t l = 0; l < 8; ++l) {
      const unsigned entry = kIq3XxsGrid[index_of(in.bits(2 + 8 * p + l, 0, 8))];
      set_iq3_xxs(out, 32 * p + 4 * l, entry, even_signs(signs_and_scale >> (l / 2 * 7) & 127U));
    }
  }
}

// | scale f16 | 64 indices | their 9th bits, 8 bytes | signs 32 bytes | 8 scales of 4 bits |
void iq3_s(const std::byte* block, UnpackedBlock& out) {
  const Bytes in(block);
  out.unit = in.f16(0);
  for (std::size_t p = 0; p < 8; ++p) {
    set_part_multiplier(out, p, 2 * in.bits(106 + p / 2, p % 2 * 4, 4) + 1);
  }
  for (std::size_t n = 0; n < 64; ++n) {
    const int index = in.bits(2 + n, 0, 8) | in.bits(66 + n / 8, n % 8, 1) << 8;
    const auto signs = static_cast<unsigned>(in.bits(74 + n / 2, 0, 8));
    set_iq3_s(out, 4 * n, kIq3SGrid[index_of(index)], signs);
  }
}

// | scale f16 | 32 indices | 8 x u16 of 4 x upper 3 bits, a scale of 3 bits, the move's sign |
void iq1_s(const std::byte* block, UnpackedBlock& out) {
  const Bytes in(block);
  out.unit = in.f16(0) / 8;
  for (std::size_t p = 0; p < 8; ++p) {
    const unsigned word = in.u16(34 + 2 * p);
    set_part_multiplier(out, p, static_cast<int>(2 * (word >> 12 & 7U) + 1));
    for (std::size_t l = 0; l < 4; ++l) {
      const unsigned high = word >> (3 * l) & 7U;
      const std::size_t index = index_of(in.bits(2 + 4 * p + l, 0, 8)) | high << 8;
      set_iq1(out, 32 * p + 8 * l, index, word >> 15 != 0);
    }
  }
}

// | 32 indices | 32 x (upper 3 bits, the move's sign) | 4 x u16 of 4 scales of 3 bits; the upper 4
// bits of the four are an f16 |
void iq1_m(const std::byte* block, UnpackedBlock& out) {
  const Bytes in(block);
  unsigned scale = 0;
  for (std::size_t w = 0; w < 4; ++w) {
    const unsigned word = in.u16(48 + 2 * w);
    scale |= word >> 12 << (4 * w);
    for (std::size_t j = 0; j < 4; ++j) {
      set_multiplier(out, 4 * w + j, static_cast<int>(2 * (word >> (3 * j) & 7U) + 1));
    }
  }
  out.unit = to_float(F16{static_cast<std::uint16_t>(scale)}) / 8;
  for (std::size_t n = 0; n < 32; ++n) {
    const int high = in.bits(32 + n / 2, n % 2 * 4, 3);
    const bool down = in.bits(32 + n / 2, n % 2 * 4 + 3, 1) != 0;
    set_iq1(out, 8 * n, index_of(in.bits(n, 0, 8) | high << 8), down);
  }
}

}  // namespace bora::unpack
