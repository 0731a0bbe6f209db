// Every quantized GGUF type, as bora computes with it: the golden blocks through the widening at
// load where there is one, the reference and the kernels of every ISA.
#include "tests/formats/gguf_blocks.h"

#include "formats/ggml_types.h"
#include "formats/packed.h"
#include "kernels/embed.h"
#include "kernels/reference/weights.h"
#include "tests/kernels/kernel_testing.h"

#include <cmath>
#include <set>

namespace bora {
namespace {

using testing::all_gguf_blocks;
using testing::GgufBlocks;
using testing::GgufRow;
using testing::row_of;

// How far a value may be off, as formats/packed.h states it: the scale or the value is rounded to
// f16 (11 bits, above 2^-14), where no type of blocks holds both as they are.
double bound(const std::string& type, double value) {
  static const std::set<std::string> rounded = {"IQ4_XS", "IQ2_XXS", "Q5_1",
                                                "Q2_K",   "IQ2_XS",  "IQ2_S"};
  if (!rounded.contains(type)) return 0.0;
  return std::max(0x1p-11 * std::abs(value) * (1 + 0x1p-12), 0x1p-25);
}

TEST(GgufBlocks, HoldEveryQuantizedTypeThatIsSupported) {
  std::set<std::uint32_t> held;
  for (const GgufBlocks& golden : all_gguf_blocks()) held.insert(golden.ggml_type);
  for (const PackedType& type : packed_types()) EXPECT_TRUE(held.contains(type.ggml_type));
  for (const DTypeInfo& type : kDTypes) {
    if (type.block_values == 1) continue;
    EXPECT_TRUE(held.contains(static_cast<std::uint32_t>(type.ggml_type))) << type.name;
  }
}

TEST(GgufBlocks, AreReadByTheReferenceAsByThePythonPackage) {
  for (const GgufBlocks& golden : all_gguf_blocks()) {
    const GgufRow row = row_of(golden);
    for (std::size_t k = 0; k < golden.values.size(); ++k) {
      const auto expected = static_cast<double>(golden.values[k]);
      const double actual = kernels::reference::weight_value(row.dtype, row.data(), k);
      const double error = std::abs(static_cast<double>(static_cast<float>(actual)) - expected);
      ASSERT_LE(error, bound(golden.type, expected))
          << golden.type << " value " << k << ": expected " << expected << ", found " << actual;
    }
  }
}

TEST(GgufBlocks, AreReadByEveryKernelAsByTheReference) {
  const TokenId id = 0;
  for (const kernels::CpuKernels* kernels : kernels::tables_to_test()) {
    for (const GgufBlocks& golden : all_gguf_blocks()) {
      const GgufRow row = row_of(golden);
      const std::size_t count = golden.values.size();
      std::vector<float> actual(count);
      kernels->embed({row.data(), row.bytes.size(), row.dtype, &id, 1, count, actual.data()});
      for (std::size_t k = 0; k < count; ++k) {
        // One rounding at most, so there is one answer: see kernels/embed.h.
        const auto expected =
            static_cast<float>(kernels::reference::weight_value(row.dtype, row.data(), k));
        ASSERT_EQ(actual[k], expected)
            << kernels::name_of(*kernels) << " " << golden.type << " value " << k;
      }
    }
  }
}

}  // namespace
}  // namespace bora
