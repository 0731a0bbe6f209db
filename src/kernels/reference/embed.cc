#include "kernels/embed.h"

#include "kernels/reference/weights.h"

namespace bora::kernels::reference {

void embed(const EmbedArgs& args) {
  for (std::size_t t = 0; t < args.tokens; ++t) {
    const std::byte* row = args.table + static_cast<std::size_t>(args.ids[t]) * args.row_stride;
    for (std::size_t i = 0; i < args.columns; ++i) {
      args.out[t * args.columns + i] =
          static_cast<float>(static_cast<double>(args.scale) * weight_value(args.dtype, row, i));
    }
  }
}

}  // namespace bora::kernels::reference
