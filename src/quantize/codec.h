// Codecs: a row of f32 weights -> blocks of 32 values with one f16 scale each, as
// tensor/blocks.h lays them out. `--weights int8` is q8_0, `int4` is q4_0.
//
//   q8_0: scale = largest magnitude / 127 as f16 (nearest, ties to even; the next larger one where
//         the largest value would not reach the grid any more), value -> value / scale rounded to
//         nearest, ties to even, in -127..127. |error| <= scale / 2.
//   q4_0: the scale, of either sign, that leaves the least sum of squared errors among a fixed list
//         of candidates and two steps of least squares from the best; value -> value * (1 / scale)
//         rounded to nearest, ties to even, clipped to -8..7. Never worse than the scale
//         largest / -8, which is the first candidate; the first of equals wins.
//
// All errors are measured against what the block decodes to: candidates are rounded to f16 first. A
// group of zeros, or of values below half the least f16 (2^-25), becomes zeros. Pure functions, f32
// arithmetic without contraction: the same bits on every machine and thread count.
#pragma once

#include "tensor/dtype.h"

#include <cstddef>
#include <span>
#include <string_view>

namespace bora {

enum class CodecFault {
  kNone,
  kNotFinite,  // a NaN or an infinity
  kTooLarge,   // beyond max_magnitude(): no f16 scale reaches it
};

// The types there is a codec for.
bool has_codec(DType dtype);

// "int8", "int4": as --weights spells it. Precondition: has_codec(dtype).
std::string_view codec_name(DType dtype);

// The largest magnitude that blocks of `dtype` hold. Precondition: has_codec(dtype).
float max_magnitude(DType dtype);

// Writes row_bytes(dtype, row.size()) bytes to `out` (any alignment). After a fault what it holds
// is unspecified. Preconditions: has_codec(dtype), whole blocks (CHECKed).
CodecFault quantize_row(DType dtype, std::span<const float> row, std::byte* out);

}  // namespace bora
