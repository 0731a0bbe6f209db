#include "kernels/gelu_mul.h"

#include <cmath>
#include <numbers>

namespace bora::kernels::reference {

void gelu_mul(const GeluMulArgs& args) {
  const double slope = std::sqrt(2.0 / std::numbers::pi);
  for (std::size_t i = 0; i < args.values; ++i) {
    const auto x = static_cast<double>(args.gate[i]);
    const double z = slope * (x + 0.044715 * x * x * x);
    const double gelu = x / (1.0 + std::exp(-2.0 * z));
    args.out[i] = static_cast<float>(gelu * static_cast<double>(args.up[i]));
  }
}

}  // namespace bora::kernels::reference
