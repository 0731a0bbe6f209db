#include "kernels/rope.h"

namespace bora::kernels::reference {

void rope(const RopeArgs& args) {
  const bool halves = args.style == RopeStyle::kHalves;
  for (std::size_t t = 0; t < args.tokens; ++t) {
    for (std::size_t h = 0; h < args.heads; ++h) {
      float* head = args.x + t * args.stride + h * args.head_dim;
      for (std::size_t i = 0; i < args.pairs; ++i) {
        float& first = halves ? head[i] : head[2 * i];
        float& second = halves ? head[i + args.pairs] : head[2 * i + 1];
        const auto a = static_cast<double>(first);
        const auto b = static_cast<double>(second);
        const auto cosine = static_cast<double>(args.cosines[t * args.pairs + i]);
        const auto sine = static_cast<double>(args.sines[t * args.pairs + i]);
        first = static_cast<float>(a * cosine - b * sine);
        second = static_cast<float>(b * cosine + a * sine);
      }
    }
  }
}

}  // namespace bora::kernels::reference
