// What a core can do with an ISA's own instructions: the roofs that measured speeds are held
// against. Called in a loop by backend/probe.h, which keeps the time.
//
// Compute in registers, nothing is read. `turns`: times that the loop goes round. A multiply-add
// counts two operations, whatever an instruction makes of it: of the inner loop of linear(), what
// is done for a weight and an activation counts two, its scales and minima nothing. Where totals
// leave tiles for vectors, that is by the first cache and takes part in the time.
#pragma once

#include <cstddef>

namespace bora::kernels {

// The result depends on all the work, so that no compiler can leave it out.
struct ProbeResult {
  double operations;  // done by this call; of probe_read, bytes
  float value;        // meaningless
};

}  // namespace bora::kernels
