#include "kernels/cpu/amx/parts.h"
#include "kernels/cpu/amx/simd.h"
#include "kernels/cpu/amx/tiles.h"
#include "kernels/cpu/generic/linear_tiles_bf16.h"

namespace bora::kernels::amx {

void Parts::linear_bf16(const LinearArgs& args) noexcept {
  generic::linear_tiles_bf16<Simd, Tiles>(args);
}

}  // namespace bora::kernels::amx
