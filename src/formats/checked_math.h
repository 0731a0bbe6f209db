// Arithmetic on numbers that come from a file: nullopt where the result does not fit. Chains read
// as one expression because an absent operand gives an absent result.
#pragma once

#include <cstdint>
#include <optional>

namespace bora {

constexpr std::optional<std::uint64_t> checked_multiply(std::optional<std::uint64_t> a,
                                                        std::optional<std::uint64_t> b) {
  std::uint64_t product = 0;
  if (!a || !b || __builtin_mul_overflow(*a, *b, &product)) return std::nullopt;
  return product;
}

constexpr std::optional<std::uint64_t> checked_add(std::optional<std::uint64_t> a,
                                                   std::optional<std::uint64_t> b) {
  std::uint64_t sum = 0;
  if (!a || !b || __builtin_add_overflow(*a, *b, &sum)) return std::nullopt;
  return sum;
}

// The least multiple of `alignment` that is not below `value`. Precondition: alignment is not 0.
constexpr std::optional<std::uint64_t> checked_align(std::uint64_t value, std::uint64_t alignment) {
  const std::uint64_t rest = value % alignment;
  return rest == 0 ? value : checked_add(value, alignment - rest);
}

}  // namespace bora
