// The types whose codes stand in the block, or come from a book of sixteen.
#include "formats/unpack.h"

#include "formats/unpack_parts.h"

#include <array>

namespace bora::unpack {
namespace {

constexpr std::array kIq4Codes = {-127, -104, -83, -65, -49, -35, -22, -10,
                                  1,    13,   25,  38,  53,  69,  89,  113};

void set_group(UnpackedBlock& out, std::size_t group, int multiplier, float offset) {
  out.groups[group].multiplier = multiplier;
  out.groups[group].offset = offset;
}

// Five bits: a nibble of the 16 bytes at `nibbles`, and above it bit i of the four bytes at `high`.
int code_of_five_bits(Bytes in, std::size_t high, std::size_t nibbles, std::size_t i) {
  return in.bits(nibbles + i % 16, i / 16 * 4, 4) | in.bits(high + i / 8, i % 8, 1) << 4;
}

// Two bits in super-blocks: value v lies in byte v % 32 of each half's 32, at bits 2j and 2j + 1,
// j = v % 128 / 32.
int code_of_two_bits(Bytes in, std::size_t codes, std::size_t v) {
  return in.bits(codes + v / 128 * 32 + v % 32, v % 128 / 32 * 2, 2);
}

}  // namespace

// | scale f16 | high bits 4 bytes | nibbles 16 bytes |
void q5_0(const std::byte* block, UnpackedBlock& out) {
  const Bytes in(block);
  out.unit = in.f16(0);
  for (std::size_t g = 0; g < 2; ++g) set_group(out, g, 1, 0.0F);
  for (std::size_t i = 0; i < 32; ++i) set_code(out, i, code_of_five_bits(in, 2, 6, i) - 16);
}

// | scale f16 | minimum f16 | high bits 4 bytes | nibbles 16 bytes |
void q5_1(const std::byte* block, UnpackedBlock& out) {
  const Bytes in(block);
  out.unit = in.f16(0);
  for (std::size_t g = 0; g < 2; ++g) set_group(out, g, 1, in.f16(2));
  for (std::size_t i = 0; i < 32; ++i) set_code(out, i, code_of_five_bits(in, 4, 8, i));
}

// | scale f16 | nibbles 16 bytes |
void iq4_nl(const std::byte* block, UnpackedBlock& out) {
  const Bytes in(block);
  out.unit = in.f16(0);
  for (std::size_t g = 0; g < 2; ++g) set_group(out, g, 1, 0.0F);
  for (std::size_t i = 0; i < 32; ++i) {
    set_code(out, i, kIq4Codes[static_cast<std::size_t>(in.bits(2 + i % 16, i / 16 * 4, 4))]);
  }
}

// | scale f16 | upper 2 bits of 8 scales | lower 4 bits of 8 scales | nibbles 128 bytes |
void iq4_xs(const std::byte* block, UnpackedBlock& out) {
  const Bytes in(block);
  out.unit = in.f16(0);
  for (std::size_t p = 0; p < 8; ++p) {
    const int high = in.bits(2 + p / 4, p % 4 * 2, 2);
    const int scale = in.bits(4 + p / 2, p % 2 * 4, 4) | high << 4;
    for (std::size_t g = 2 * p; g < 2 * p + 2; ++g) set_group(out, g, scale - 32, 0.0F);
    for (std::size_t i = 0; i < 32; ++i) {
      const int nibble = in.bits(8 + 16 * p + i % 16, i / 16 * 4, 4);
      set_code(out, 32 * p + i, kIq4Codes[static_cast<std::size_t>(nibble)]);
    }
  }
}

// | 16 bytes, scale below and minimum above | codes 64 bytes | scale f16 | minimum f16 |
void q2_k(const std::byte* block, UnpackedBlock& out) {
  const Bytes in(block);
  out.unit = in.f16(80);
  const float minimum = in.f16(82);
  for (std::size_t g = 0; g < 16; ++g) {
    set_group(out, g, in.bits(g, 0, 4), -minimum * static_cast<float>(in.bits(g, 4, 4)));
  }
  for (std::size_t v = 0; v < 256; ++v) set_code(out, v, code_of_two_bits(in, 16, v));
}

// | high bits 32 bytes | codes 64 bytes | lower 4 bits of 16 scales, upper 2 bits | scale f16 |
void q3_k(const std::byte* block, UnpackedBlock& out) {
  const Bytes in(block);
  out.unit = in.f16(108);
  for (std::size_t g = 0; g < 16; ++g) {
    const int high = in.bits(104 + g % 4, g / 4 * 2, 2);
    set_group(out, g, (in.bits(96 + g % 8, g / 8 * 4, 4) | high << 4) - 32, 0.0F);
  }
  for (std::size_t v = 0; v < 256; ++v) {
    const int high = in.bits(v % 32, v / 32, 1);
    set_code(out, v, code_of_two_bits(in, 32, v) + 4 * high - 4);
  }
}

// | codes 64 bytes | scale f16 |
void tq2_0(const std::byte* block, UnpackedBlock& out) {
  const Bytes in(block);
  out.unit = in.f16(64);
  for (std::size_t g = 0; g < 16; ++g) set_group(out, g, 1, 0.0F);
  for (std::size_t v = 0; v < 256; ++v) set_code(out, v, code_of_two_bits(in, 0, v) - 1);
}

// | 32 bytes of 5 digits, 16 bytes of 5, 4 bytes of 4 | scale f16 |: the digits 0, 1, 2 of a number
// in base 3, of which a byte holds the fraction in 256ths, first digit first.
void tq1_0(const std::byte* block, UnpackedBlock& out) {
  const Bytes in(block);
  out.unit = in.f16(52);
  for (std::size_t g = 0; g < 16; ++g) set_group(out, g, 1, 0.0F);
  struct Run {
    std::size_t at;
    std::size_t bytes;
    std::size_t digits;
  };
  std::size_t value = 0;
  for (const Run run : {Run{0, 32, 5}, Run{32, 16, 5}, Run{48, 4, 4}}) {
    unsigned power = 1;
    for (std::size_t digit = 0; digit < run.digits; ++digit, power *= 3) {
      for (std::size_t i = 0; i < run.bytes; ++i) {
        const unsigned rest = static_cast<unsigned>(in.bits(run.at + i, 0, 8)) * power % 256;
        set_code(out, value++, static_cast<int>(rest * 3 / 256) - 1);
      }
    }
  }
}

}  // namespace bora::unpack
