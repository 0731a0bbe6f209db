#include "kernels/reference/weights.h"

#include "base/float16.h"
#include "tensor/blocks.h"

#include <cstring>

namespace bora::kernels::reference {
namespace {

template <class T>
T load(const std::byte* row, std::size_t index) {
  T value;
  std::memcpy(&value, row + index * sizeof(T), sizeof(T));
  return value;
}

template <class Block>
int nibble(const Block& block, std::size_t i) {
  return i < 16 ? block.nibbles[i] & 15 : block.nibbles[i - 16] >> 4;
}

}  // namespace

double weight_value(DType dtype, const std::byte* row, std::size_t k) {
  const std::size_t block_index = k / kBlockValues;
  const std::size_t i = k % kBlockValues;
  switch (dtype) {
    case DType::kF32:
      return static_cast<double>(load<float>(row, k));
    case DType::kF16:
      return static_cast<double>(to_float(load<F16>(row, k)));
    case DType::kBF16:
      return static_cast<double>(to_float(load<Bf16>(row, k)));
    case DType::kQ8_0: {
      const auto block = load<BlockQ8_0>(row, block_index);
      return static_cast<double>(to_float(block.scale)) * block.quants[i];
    }
    case DType::kQ4_0: {
      const auto block = load<BlockQ4_0>(row, block_index);
      return static_cast<double>(to_float(block.scale)) * (nibble(block, i) - 8);
    }
    case DType::kQ4_1: {
      const auto block = load<BlockQ4_1>(row, block_index);
      return static_cast<double>(to_float(block.scale)) * nibble(block, i) +
             static_cast<double>(to_float(block.minimum));
    }
  }
  return 0.0;  // not reached: the switch names every dtype
}

}  // namespace bora::kernels::reference
