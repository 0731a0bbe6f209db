#include "kernels/add_rows.h"

namespace bora::kernels::reference {

void add_rows(const AddRowsArgs& args) {
  for (std::size_t i = 0; i < args.count; ++i) {
    float* out = args.out + static_cast<std::size_t>(args.rows[i]) * args.columns;
    const auto weight = static_cast<double>(args.weights[i]);
    for (std::size_t c = 0; c < args.columns; ++c) {
      const auto x = static_cast<double>(args.x[i * args.columns + c]);
      out[c] = static_cast<float>(static_cast<double>(out[c]) + weight * x);
    }
  }
}

}  // namespace bora::kernels::reference
