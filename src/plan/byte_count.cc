#include "plan/byte_count.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

namespace bora {

std::string format_bytes(std::uint64_t bytes) {
  if (bytes == kUncountable) return "16 EiB or more";
  if (bytes < 1024) return fmt::format("{} B", bytes);
  constexpr std::array<std::string_view, 6> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  // 1023.999 would be printed as 1024.00.
  for (; value >= 1023.995 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  return fmt::format("{:.2f} {}", value, kUnits[unit]);
}

}  // namespace bora
