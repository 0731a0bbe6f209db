#include "kernels/rope.h"

#include <cmath>

namespace bora::kernels {

void rope_angles(const RopeAnglesArgs& args) noexcept {
  const auto factor = static_cast<double>(args.attention_factor);
  for (std::size_t t = 0; t < args.tokens; ++t) {
    const auto position = static_cast<float>(args.positions[t]);
    for (std::size_t i = 0; i < args.pairs; ++i) {
      const float angle = position * args.inverse_frequencies[i];
      const std::size_t index = t * args.pairs + i;
      args.cosines[index] = static_cast<float>(std::cos(static_cast<double>(angle)) * factor);
      args.sines[index] = static_cast<float>(std::sin(static_cast<double>(angle)) * factor);
    }
  }
}

}  // namespace bora::kernels
