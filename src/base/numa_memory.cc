#include "base/numa_memory.h"

#include <climits>

#include <algorithm>
#include <linux/mempolicy.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

namespace bora {

bool interleave_memory(std::span<std::byte> memory, std::span<const int> nodes) {
  if (memory.empty() || nodes.empty()) return true;
  constexpr std::size_t kBits = sizeof(unsigned long) * CHAR_BIT;
  const auto most = static_cast<std::size_t>(*std::max_element(nodes.begin(), nodes.end()));
  std::vector<unsigned long> mask(most / kBits + 1);
  for (const int node : nodes) {
    mask[static_cast<std::size_t>(node) / kBits] |= 1UL << (static_cast<std::size_t>(node) % kBits);
  }
  // The kernel reads one bit less than it is told.
  return syscall(SYS_mbind, memory.data(), memory.size(), MPOL_INTERLEAVE, mask.data(),
                 mask.size() * kBits + 1, 0) == 0;
}

}  // namespace bora
