// Counts of bytes: sums and products that stop at the largest number instead of wrapping round, so
// that no config, however large, can look small; and how people read them.
#pragma once

#include "formats/checked_math.h"

#include <cstdint>
#include <limits>
#include <string>

namespace bora {

// What a count is that no 64 bits hold. It fits nowhere.
inline constexpr std::uint64_t kUncountable = std::numeric_limits<std::uint64_t>::max();

constexpr std::uint64_t add_bytes(std::uint64_t a, std::uint64_t b) {
  return checked_add(a, b).value_or(kUncountable);
}

constexpr std::uint64_t multiply_bytes(std::uint64_t a, std::uint64_t b) {
  return checked_multiply(a, b).value_or(kUncountable);
}

// "812 B", "13.49 GiB": powers of 1024, two decimals, "16 EiB or more" for kUncountable.
std::string format_bytes(std::uint64_t bytes);

}  // namespace bora
