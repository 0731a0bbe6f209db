// Tolerances, derived once: the bounds that the contracts in kernels/<op>.h state, from the number
// of operations and the unit roundoff of f32. Nothing here is tuned to pass.
#pragma once

#include "kernels/cpu/cpu_kernels.h"
#include "tensor/dtype.h"

#include <cmath>
#include <cstddef>

namespace bora::kernels {

inline constexpr double kUnit = 0x1p-24;          // f32: relative error of one rounding
inline constexpr double kSmallest = 0x1p-126;     // below it, rounding is absolute
inline constexpr double kSmallestHalf = 0x1p-24;  // spacing of f16 subnormals

// One weight as f32: kernels and expectation may each round where scale * code - minimum does; all
// other types are exact.
inline double widening_tolerance(DType dtype, double result) {
  const bool has_minimum = dtype == DType::kQ4_1 || dtype == DType::kQ4K || dtype == DType::kQ5K;
  return has_minimum ? 2 * kUnit * std::abs(result) : 0.0;
}

// Roundings that a sum of `terms` products goes through in one lane, and then over the lanes.
inline double roundings(const CpuKernels& kernels, std::size_t terms) {
  const auto lanes = static_cast<double>(kernels.lanes);
  const double steps = std::ceil(static_cast<double>(terms) / lanes);
  return (kernels.fused ? steps : 2 * steps) + lanes + 4;
}

// A dot product, `magnitude` = sum |a b|; bias and what was there round twice more.
inline double dot_tolerance(const CpuKernels& kernels, std::size_t terms, double magnitude,
                            double result) {
  return roundings(kernels, terms) * kUnit * magnitude + 2 * kUnit * std::abs(result) + kSmallest;
}

// The same for linear(), where bf16 weights may have their activations rounded to bf16.
inline double linear_tolerance(const CpuKernels& kernels, DType weights, std::size_t terms,
                               double magnitude, double result) {
  const double exact = dot_tolerance(kernels, terms, magnitude, result);
  if (weights != DType::kBF16 || !kernels.bf16_activations) return exact;
  constexpr double kBf16Unit = 0x1p-8;
  return (1 + kBf16Unit) * exact + kBf16Unit * magnitude;
}

// Of linear() over activations rounded to int16: `rounded` = sum |weight| l, l the largest |x| of
// its group, and `parts` = sum (|scale code| + |minimum|) l.
inline double int16_tolerance(const CpuKernels& kernels, std::size_t terms, double rounded,
                              double parts, double result) {
  constexpr double kMoved = 1.0 / 32500;
  const double steps = std::ceil(static_cast<double>(terms) / kGroupValues) + 18;
  const double exact = (kernels.fused ? steps : 2 * steps) * kUnit * (1 + kMoved) * parts;
  return kMoved * rounded + exact + 2 * kUnit * std::abs(result) + kSmallest;
}

inline double rms_norm_tolerance(const CpuKernels& kernels, std::size_t columns, double result) {
  return (roundings(kernels, columns) + 4) * kUnit * std::abs(result) + kSmallest;
}

inline double rope_tolerance(double a, double b) {
  return 2 * kUnit * (std::abs(a) + std::abs(b)) + kSmallest;
}

inline double silu_mul_tolerance(double up, double result) {
  return 8 * kUnit * std::abs(result) + 1e-36 * std::abs(up) + kSmallest;
}

// z as in kernels/gelu_mul.h, of the gate.
inline double gelu_mul_tolerance(double gate, double up, double result) {
  const double z = std::abs(gate) * (1.0 + 0.044715 * gate * gate);
  return (8 + 16 * z) * kUnit * std::abs(result) + 1e-36 * std::abs(up) + kSmallest;
}

inline double softcap_tolerance(double cap) { return 6 * kUnit * cap; }

// `added` = weight * x; the reference rounds its result once more.
inline double add_rows_tolerance(double added, double result) {
  return kUnit * (std::abs(added) + 2 * std::abs(result)) + kSmallest;
}

// `score_magnitude` = scale * max_p sum |q key|.
inline double attention_tolerance(const CpuKernels& kernels, std::size_t head_dim,
                                  std::size_t positions, double score_magnitude, double softcap,
                                  double max_value) {
  const std::size_t whole_spans = positions / kAttentionSpan;
  const auto spans = static_cast<double>(whole_spans + 2);
  const double score = (roundings(kernels, head_dim) * score_magnitude + 4 * softcap) * kUnit;
  const double sums = (2 * static_cast<double>(positions) + spans + 16) * kUnit;
  return (2 * score + sums) * max_value + kSmallest;
}

}  // namespace bora::kernels
