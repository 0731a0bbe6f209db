#include "kernels/cpu/generic/linear_bf16.h"

#include "kernels/cpu/avx512_bf16/parts.h"
#include "kernels/cpu/avx512_bf16/simd.h"

namespace bora::kernels::avx512_bf16 {

void Parts::linear_bf16(const LinearArgs& args) noexcept { generic::linear_bf16<Simd>(args); }

}  // namespace bora::kernels::avx512_bf16
