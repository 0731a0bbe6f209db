// What the kernel tests share: the tables to test, random operands, comparison.
#pragma once

#include "kernels/cpu/cpu_kernels.h"
#include "tensor/dtype.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace bora::kernels {

// Every table that this CPU can run, and the emulated ones where the test program has them; only
// those of the ISA that BORA_TEST_ISA names, if set.
const std::vector<const CpuKernels*>& linear_tables_to_test();

// Of these, those that differ in more than linear().
const std::vector<const CpuKernels*>& tables_to_test();

// Two tables of one arithmetic, which give the same bits.
struct Counterparts {
  const CpuKernels* actual;
  const CpuKernels* expected;
};

// The emulated tables with those of this CPU, where it has them, and with each other.
std::vector<Counterparts> counterparts();

// Bytes that start at an odd address, as safetensors data may.
class UnalignedBytes {
 public:
  explicit UnalignedBytes(std::size_t size) : bytes_(size + 1), size_(size) {}
  [[nodiscard]] std::byte* data() {
    const bool odd = reinterpret_cast<std::uintptr_t>(bytes_.data()) % 2 == 1;
    return bytes_.data() + (odd ? 0 : 1);
  }
  [[nodiscard]] const std::byte* data() const { return const_cast<UnalignedBytes*>(this)->data(); }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::vector<std::byte> bytes_;
  std::size_t size_;
};

inline constexpr double kMostMinimum = 0.13;

// The same values for the same seed, on every machine.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  float uniform(float low, float high);
  std::vector<float> values(std::size_t count, float low = -1.0F, float high = 1.0F);
  // Rows of any dtype, about as large as a trained model's; no minimum lies beyond kMostMinimum.
  UnalignedBytes weights(DType dtype, std::size_t rows, std::size_t columns);
  std::size_t below(std::size_t bound) { return engine_() % bound; }

 private:
  std::mt19937_64 engine_;
};

// The rows of a quantized weight interleaved, `lanes` together; their number is a multiple of it.
UnalignedBytes interleaved(DType dtype, const UnalignedBytes& weight, std::size_t columns,
                           std::size_t lanes);

// 64-byte aligned room for the kernels that want a workspace, filled with NaN so that a read of
// what was not written shows.
std::byte* workspace(std::size_t bytes);

// Fails with the first few places where |actual - expected| > tolerance(index).
void expect_close(std::span<const float> actual, std::span<const float> expected,
                  const std::function<double(std::size_t)>& tolerance, const std::string& what);

// Fails where any bit differs.
void expect_same_bits(std::span<const float> actual, std::span<const float> expected,
                      const std::string& what);

// "avx2 fused", "scalar int16": for failure messages.
std::string name_of(const CpuKernels& kernels);

inline constexpr DType kAllDTypes[] = {DType::kF32,  DType::kF16,  DType::kBF16,
                                       DType::kQ8_0, DType::kQ4_0, DType::kQ4_1,
                                       DType::kQ4K,  DType::kQ5K,  DType::kQ6K};
static_assert(std::size(kAllDTypes) == kDTypes.size());
inline constexpr DType kPlainDTypes[] = {DType::kF32, DType::kF16, DType::kBF16};

// The columns, rounded up to whole blocks of the type.
constexpr std::size_t whole_blocks(DType dtype, std::size_t columns) {
  const std::size_t block = info(dtype).block_values;
  return (columns + block - 1) / block * block;
}

}  // namespace bora::kernels
