// What a core can do with an ISA's own instructions: the roofs that measured speeds are held
// against. Called in a loop by backend/probe.h, which keeps the time.
#pragma once

#include <cstddef>

namespace bora::kernels {

// The result depends on all the work, so that no compiler can leave it out.
struct ProbeResult {
  double operations;  // done by this call
  float value;        // meaningless
};

}  // namespace bora::kernels
