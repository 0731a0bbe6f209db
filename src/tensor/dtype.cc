#include "tensor/dtype.h"

#include "base/check.h"

#include <limits>

namespace bora {

std::optional<DType> dtype_from_safetensors(std::string_view name) {
  for (const DTypeInfo& row : kDTypes) {
    if (!row.safetensors.empty() && row.safetensors == name) return row.dtype;
  }
  return std::nullopt;
}

std::optional<DType> dtype_from_ggml(std::uint32_t ggml_type) {
  for (const DTypeInfo& row : kDTypes) {
    if (static_cast<std::uint32_t>(row.ggml_type) == ggml_type) return row.dtype;
  }
  return std::nullopt;
}

std::size_t row_bytes(DType dtype, std::size_t values) {
  const DTypeInfo& row = info(dtype);
  CHECK(values % row.block_values == 0, "a row is a whole number of blocks");
  const std::size_t blocks = values / row.block_values;
  CHECK(blocks <= std::numeric_limits<std::size_t>::max() / row.block_bytes, "row too long");
  return blocks * row.block_bytes;
}

}  // namespace bora
