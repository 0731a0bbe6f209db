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

// Super-blocks: value i of part p.

int part_scale(const std::array<std::uint8_t, 12>& b, std::size_t p) {
  return p < 4 ? b[p] & 63 : (b[p + 4] & 15) | b[p - 4] >> 6 << 4;
}

int part_minimum(const std::array<std::uint8_t, 12>& b, std::size_t p) {
  return p < 4 ? b[p + 4] & 63 : b[p + 4] >> 4 | b[p] >> 6 << 4;
}

template <class Block>
int part_nibble(const Block& block, std::size_t p, std::size_t i) {
  return block.nibbles[32 * (p / 2) + i] >> (p % 2 * 4) & 15;
}

template <class Block>
double affine_value(const Block& block, std::size_t p, int code) {
  return static_cast<double>(to_float(block.scale)) * part_scale(block.scales_and_minima, p) *
             code -
         static_cast<double>(to_float(block.minimum)) * part_minimum(block.scales_and_minima, p);
}

double value_of(const BlockQ4K& block, std::size_t p, std::size_t i) {
  return affine_value(block, p, part_nibble(block, p, i));
}

double value_of(const BlockQ5K& block, std::size_t p, std::size_t i) {
  const int high = block.high_bits[i] >> p & 1;
  return affine_value(block, p, part_nibble(block, p, i) + 16 * high);
}

double value_of(const BlockQ6K& block, std::size_t p, std::size_t i) {
  const std::size_t half = p / 4;
  const std::size_t j = p % 4;
  const int low = block.nibbles[64 * half + 32 * (j % 2) + i] >> (j / 2 * 4) & 15;
  const int high = block.high_bits[32 * half + i] >> (2 * j) & 3;
  return static_cast<double>(to_float(block.scale)) * block.scales[2 * p + i / 16] *
         (low + 16 * high - 32);
}

template <class Block>
double super_block_value(const std::byte* row, std::size_t k) {
  const std::size_t in_block = k % kSuperBlockValues;
  return value_of(load<Block>(row, k / kSuperBlockValues), in_block / kBlockValues,
                  in_block % kBlockValues);
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
    case DType::kQ4K:
      return super_block_value<BlockQ4K>(row, k);
    case DType::kQ5K:
      return super_block_value<BlockQ5K>(row, k);
    case DType::kQ6K:
      return super_block_value<BlockQ6K>(row, k);
  }
  return 0.0;  // not reached: the switch names every dtype
}

}  // namespace bora::kernels::reference
