// The GGUF types that bora does not compute with but widens when a model is loaded: what each of
// them becomes, and how.
//
// A packed type becomes the smallest DType that holds it:
//   q8_0, exactly: Q5_0, IQ4_NL (one f16 scale for 32 codes of at most 8 bits)
//   q6_k, exactly: Q3_K, IQ3_S, TQ1_0, TQ2_0 (an f16 scale, a whole one for 16 codes of 6 bits);
//     IQ3_XXS, IQ1_S, IQ1_M too, where the f16 scale stays normal when halved or divided by 8
//   q8_0 with the scale of each 32 values rounded to f16: IQ4_XS, IQ2_XXS
//   f16, each value rounded: Q5_1, Q2_K, IQ2_XS, IQ2_S (a minimum, or scales that no block holds)
// What is rounded is rounded once, to nearest even: by 2^-11 of a value at most, or, where an f16
// below 2^-14 is not a whole number of 2^-24, by 2^-25 of it (times the code).
//
// Any bytes are a block of values; nothing here fails but the rounding of a number that f16 cannot
// hold. Sources: https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h (layouts, code
// books), the Python package gguf (gguf.quants).
#pragma once

#include "tensor/dtype.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace bora {

// A block as 16 values a group: value = unit * multiplier * code + offset.
struct UnpackedBlock {
  struct Group {
    int multiplier = 1;
    float offset = 0.0F;
    std::array<std::int8_t, 16> codes{};
  };
  float unit = 0.0F;
  std::array<Group, 16> groups{};  // two of them for a block of 32
};

struct PackedType {
  std::uint32_t ggml_type;
  DType widened;
  std::uint32_t block_values;  // 32 or 256
  std::uint32_t block_bytes;
  void (*unpack)(const std::byte* block, UnpackedBlock& out);
};

std::span<const PackedType> packed_types();

// nullptr where the type is not one of these.
const PackedType* find_packed_type(std::uint32_t ggml_type);

// Widens a row of `values` values (a whole number of blocks), which lies at any address, to
// row_bytes(type.widened, values) bytes at `out`. false where a finite number became infinite.
bool widen_packed_row(const PackedType& type, const std::byte* row, std::size_t values,
                      std::byte* out);

}  // namespace bora
