// Where memory lies on a machine of several NUMA nodes. Linux: mbind(2).
#pragma once

#include <cstddef>
#include <span>

namespace bora {

// Pages of `memory` that are not there yet will lie on these nodes (the kernel's numbers) in turn.
// Advice: false where the system refuses, and nothing has changed.
bool interleave_memory(std::span<std::byte> memory, std::span<const int> nodes);

}  // namespace bora
