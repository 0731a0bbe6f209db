#include "kernels/silu_mul.h"

#include <cmath>

namespace bora::kernels::reference {

void silu_mul(const SiluMulArgs& args) {
  for (std::size_t i = 0; i < args.values; ++i) {
    const auto gate = static_cast<double>(args.gate[i]);
    const double silu = gate / (1.0 + std::exp(-gate));
    args.out[i] = static_cast<float>(silu * static_cast<double>(args.up[i]));
  }
}

}  // namespace bora::kernels::reference
