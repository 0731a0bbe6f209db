#include "kernels/cpu/generic/linear_bf16.h"

#include "kernels/cpu/emulated/bf16_parts.h"
#include "kernels/cpu/emulated/bf16_simd.h"

namespace bora::kernels::emulated {

void Bf16Parts::linear_bf16(const LinearArgs& args) noexcept {
  generic::linear_bf16<Bf16Simd>(args);
}

}  // namespace bora::kernels::emulated
