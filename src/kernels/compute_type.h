// ComputeType: which arithmetic a forward pass uses.
#pragma once

namespace bora {

// kF32: float32 activations, accumulation and attention, fused multiply-add on every ISA. kAuto:
// the ISA's fastest within the tolerances of docs/numerics.md.
enum class ComputeType { kAuto, kF32 };

}  // namespace bora
