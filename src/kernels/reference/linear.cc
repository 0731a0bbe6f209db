#include "kernels/linear.h"

#include "kernels/reference/weights.h"

namespace bora::kernels::reference {

void linear(const LinearArgs& args) {
  for (std::size_t t = 0; t < args.tokens; ++t) {
    const float* x = args.x + t * args.in_features;
    for (std::size_t r = 0; r < args.rows; ++r) {
      const std::byte* row = args.weight + r * args.weight_stride;
      float& out = args.out[t * args.out_stride + r];
      double sum = args.accumulate ? static_cast<double>(out) : 0.0;
      if (args.bias != nullptr) sum += weight_value(args.bias_dtype, args.bias, r);
      for (std::size_t k = 0; k < args.in_features; ++k) {
        sum += weight_value(args.weight_dtype, row, k) * static_cast<double>(x[k]);
      }
      out = static_cast<float>(sum);
    }
  }
}

}  // namespace bora::kernels::reference
