#include "tests/kernels/kernel_testing.h"

#include "base/float16.h"
#include "tensor/blocks.h"
#include "tensor/interleaved.h"
#if defined(BORA_TEST_HAS_EMULATED)
#include "kernels/cpu/emulated/table.h"
#endif
#if defined(BORA_TEST_HAS_SIMDE)
#include "kernels/cpu/simde/table.h"
#endif

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

namespace bora::kernels {
namespace {

template <class Block>
Block random_block(Random& random) {
  Block block{};
  block.scale = to_f16(random.uniform(-0.02F, 0.02F));
  if constexpr (requires { block.minimum; }) block.minimum = to_f16(random.uniform(-0.1F, 0.1F));
  if constexpr (requires { block.quants; }) {
    for (auto& quant : block.quants) quant = static_cast<std::int8_t>(random.below(256));
  } else {
    for (auto& pair : block.nibbles) pair = static_cast<std::uint8_t>(random.below(256));
  }
  return block;
}

// Any bytes are codes and scales of a super-block; only its f16 have to be of a weight's size.
template <class Block>
Block random_super_block(Random& random) {
  Block block{};
  auto* bytes = reinterpret_cast<unsigned char*>(&block);
  for (std::size_t i = 0; i < sizeof(Block); ++i) {
    bytes[i] = static_cast<unsigned char>(random.below(256));
  }
  block.scale = to_f16(random.uniform(-2e-4F, 2e-4F));
  if constexpr (requires { block.minimum; }) block.minimum = to_f16(random.uniform(-2e-3F, 2e-3F));
  return block;
}

template <class T, class Make>
void fill(UnalignedBytes& bytes, const Make& make) {
  for (std::size_t at = 0; at + sizeof(T) <= bytes.size(); at += sizeof(T)) {
    const T value = make();
    std::memcpy(bytes.data() + at, &value, sizeof(T));
  }
}

}  // namespace

const std::vector<const CpuKernels*>& linear_tables_to_test() {
  static const std::vector<const CpuKernels*> tables = [] {
    std::vector<const CpuKernels*> found;
    const char* only = std::getenv("BORA_TEST_ISA");
    for (const std::string_view isa : {"scalar", "avx2", "avx512", "avx512_bf16", "amx"}) {
      if (only != nullptr && isa != only) continue;
      for (const ComputeType compute : {ComputeType::kF32, ComputeType::kAuto}) {
        const auto table = select_cpu_kernels(detect_cpu_features(), isa, compute);
        if (!table || (only != nullptr && (*table)->isa != only)) continue;
        if (std::find(found.begin(), found.end(), *table) == found.end()) found.push_back(*table);
      }
    }
    if (only != nullptr) return found;
#if defined(BORA_TEST_HAS_EMULATED)
    found.push_back(&emulated::kTable);
    found.push_back(&emulated::kAutoTable);
    found.push_back(&emulated::kBf16Table);
    found.push_back(&emulated::kTileTable);
#endif
#if defined(BORA_TEST_HAS_SIMDE)
    found.push_back(&simde::kTable);
    found.push_back(&simde::kAutoTable);
#endif
    return found;
  }();
  return tables;
}

const std::vector<const CpuKernels*>& tables_to_test() {
  static const std::vector<const CpuKernels*> tables = [] {
    std::vector<const CpuKernels*> found;
    for (const CpuKernels* table : linear_tables_to_test()) {
      const bool is_new = std::none_of(found.begin(), found.end(), [&](const CpuKernels* other) {
        return other->rms_norm == table->rms_norm;
      });
      if (is_new) found.push_back(table);
    }
    return found;
  }();
  return tables;
}

std::vector<Counterparts> counterparts() {
  std::vector<Counterparts> pairs;
#if defined(BORA_TEST_HAS_EMULATED)
  const auto add = [&pairs](const CpuKernels& emulated, std::string_view isa, ComputeType compute) {
    const auto silicon = select_cpu_kernels(detect_cpu_features(), isa, compute);
    if (silicon) pairs.push_back({&emulated, *silicon});
  };
  add(emulated::kTable, "avx512", ComputeType::kF32);
  add(emulated::kAutoTable, "avx512", ComputeType::kAuto);
  add(emulated::kBf16Table, "avx512_bf16", ComputeType::kAuto);
  add(emulated::kTileTable, "amx", ComputeType::kAuto);
#if defined(BORA_TEST_HAS_SIMDE)
  pairs.push_back({&simde::kTable, &emulated::kTable});
  pairs.push_back({&simde::kAutoTable, &emulated::kAutoTable});
#endif
#endif
  return pairs;
}

float Random::uniform(float low, float high) {
  return low + (high - low) * static_cast<float>(engine_() >> 40) * 0x1p-24F;
}

std::vector<float> Random::values(std::size_t count, float low, float high) {
  std::vector<float> values(count);
  for (float& value : values) value = uniform(low, high);
  return values;
}

UnalignedBytes Random::weights(DType dtype, std::size_t rows, std::size_t columns) {
  UnalignedBytes bytes(rows * row_bytes(dtype, columns));
  const auto weight = [this] { return uniform(-0.2F, 0.2F); };
  switch (dtype) {
    case DType::kF32:
      fill<float>(bytes, weight);
      break;
    case DType::kF16:
      fill<F16>(bytes, [&] { return to_f16(weight()); });
      break;
    case DType::kBF16:
      fill<Bf16>(bytes, [&] { return to_bf16(weight()); });
      break;
    case DType::kQ8_0:
      fill<BlockQ8_0>(bytes, [this] { return random_block<BlockQ8_0>(*this); });
      break;
    case DType::kQ4_0:
      fill<BlockQ4_0>(bytes, [this] { return random_block<BlockQ4_0>(*this); });
      break;
    case DType::kQ4_1:
      fill<BlockQ4_1>(bytes, [this] { return random_block<BlockQ4_1>(*this); });
      break;
    case DType::kQ4K:
      fill<BlockQ4K>(bytes, [this] { return random_super_block<BlockQ4K>(*this); });
      break;
    case DType::kQ5K:
      fill<BlockQ5K>(bytes, [this] { return random_super_block<BlockQ5K>(*this); });
      break;
    case DType::kQ6K:
      fill<BlockQ6K>(bytes, [this] { return random_super_block<BlockQ6K>(*this); });
      break;
  }
  return bytes;
}

UnalignedBytes interleaved(DType dtype, const UnalignedBytes& weight, std::size_t columns,
                           std::size_t lanes) {
  UnalignedBytes copy(weight.size());
  const std::size_t stride = row_bytes(dtype, columns);
  for (std::size_t begin = 0; begin < weight.size(); begin += lanes * stride) {
    interleave_rows(dtype, weight.data() + begin, stride, columns, lanes, copy.data() + begin);
  }
  return copy;
}

std::byte* workspace(std::size_t bytes) {
  static std::vector<float> room;
  constexpr std::size_t kAlignment = 64;
  room.assign((bytes + kAlignment) / sizeof(float), std::numeric_limits<float>::quiet_NaN());
  const auto address = reinterpret_cast<std::uintptr_t>(room.data());
  const std::size_t skip = (kAlignment - address % kAlignment) % kAlignment;
  return reinterpret_cast<std::byte*>(room.data()) + skip;
}

void expect_close(std::span<const float> actual, std::span<const float> expected,
                  const std::function<double(std::size_t)>& tolerance, const std::string& what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  int shown = 0;
  for (std::size_t i = 0; i < actual.size() && shown < 3; ++i) {
    const double error =
        std::abs(static_cast<double>(actual[i]) - static_cast<double>(expected[i]));
    if (error <= tolerance(i)) continue;
    ++shown;
    ADD_FAILURE() << what << ": index " << i << " of " << actual.size() << ": expected "
                  << expected[i] << ", actual " << actual[i] << ", error " << error
                  << ", tolerance " << tolerance(i);
  }
}

void expect_same_bits(std::span<const float> actual, std::span<const float> expected,
                      const std::string& what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const auto a = std::bit_cast<std::uint32_t>(actual[i]);
    const auto b = std::bit_cast<std::uint32_t>(expected[i]);
    ASSERT_EQ(a, b) << what << ": index " << i << " of " << actual.size() << ": " << actual[i]
                    << " and " << expected[i];
  }
}

std::string name_of(const CpuKernels& kernels) {
  return std::string(kernels.isa) + (kernels.fused ? " fused" : "") +
         (kernels.int16_activations ? " int16" : "");
}

}  // namespace bora::kernels
