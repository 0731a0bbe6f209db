#include "kernels/softcap.h"

#include <cmath>

namespace bora::kernels::reference {

void softcap(const SoftcapArgs& args) {
  const auto cap = static_cast<double>(args.cap);
  for (std::size_t i = 0; i < args.values; ++i) {
    args.x[i] = static_cast<float>(cap * std::tanh(static_cast<double>(args.x[i]) / cap));
  }
}

}  // namespace bora::kernels::reference
