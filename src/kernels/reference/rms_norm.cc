#include "kernels/rms_norm.h"

#include "kernels/reference/weights.h"

#include <cmath>

namespace bora::kernels::reference {

void rms_norm(const RmsNormArgs& args) {
  for (std::size_t t = 0; t < args.tokens; ++t) {
    const float* x = args.x + t * args.columns;
    double sum_of_squares = 0.0;
    for (std::size_t i = 0; i < args.columns; ++i) {
      sum_of_squares += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    }
    const double mean = sum_of_squares / static_cast<double>(args.columns);
    const double scale = 1.0 / std::sqrt(mean + static_cast<double>(args.epsilon));
    for (std::size_t i = 0; i < args.columns; ++i) {
      float& out = args.out[t * args.columns + i];
      const double before = args.accumulate ? static_cast<double>(out) : 0.0;
      const double weight = weight_value(args.weight_dtype, args.weight, i);
      out = static_cast<float>(before + static_cast<double>(x[i]) * scale * weight);
    }
  }
}

}  // namespace bora::kernels::reference
