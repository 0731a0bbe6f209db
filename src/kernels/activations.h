// Activations as linear() of quantized weights may want them: rounded to int16, in groups.
//
// A group is 256 consecutive values of a row (the last one of a row may be shorter) with one f32
// scale, the largest |x| / 16383; a code is x * (16383 / largest), rounded to nearest even. That
// moves a value by at most its group's largest / 32500, the roundings of scale and quotient
// included. Groups whose largest lies below 2^-100 count as zeros: the quotient would overflow.
// Beside them lies the sum of the codes of every 32 values, as f32, for weights that have a
// minimum. A group with a NaN or an infinity has the scale NaN, so that all it meets is NaN.
//
// A rounded row: codes int16 x in_features | scales f32, one a group | sums f32, one for 32 values
// | padding to 64 bytes. in_features is a whole number of 32.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bora::kernels {

inline constexpr std::size_t kGroupValues = 256;
inline constexpr float kLargestCode = 16383.0F;
inline constexpr float kSmallestRounded = 0x1p-100F;

struct RoundedRow {
  const std::int16_t* codes;
  const float* scales;
  const float* sums;
};

constexpr std::size_t rounded_scales_offset(std::size_t in_features) {
  return sizeof(std::int16_t) * in_features;
}
constexpr std::size_t rounded_sums_offset(std::size_t in_features) {
  const std::size_t groups = (in_features + kGroupValues - 1) / kGroupValues;
  return rounded_scales_offset(in_features) + sizeof(float) * groups;
}
// Bytes of a rounded row.
constexpr std::size_t rounded_row_bytes(std::size_t in_features) {
  return (rounded_sums_offset(in_features) + sizeof(float) * (in_features / 32) + 63) / 64 * 64;
}

// For bf16 weights: a row rounded to bf16, to nearest even, subnormals to zero, and padded with
// zeros to 64 bytes.
constexpr std::size_t pair_row_bytes(std::size_t in_features) {
  return (sizeof(std::uint16_t) * in_features + 63) / 64 * 64;
}

struct RoundActivationsArgs {
  const float* x;           // [tokens, in_features]
  std::size_t tokens;       //
  std::size_t in_features;  // a whole number of 32; of pairs any
  std::byte* out;           // [tokens, rounded_row_bytes(in_features)], or pair_row_bytes() for
                            // pairs, aligned to 64
};

}  // namespace bora::kernels
