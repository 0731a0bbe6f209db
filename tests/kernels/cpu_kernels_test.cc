#include "kernels/cpu/cpu_kernels.h"

#include "tests/kernels/kernel_testing.h"

#include <cstdlib>

namespace bora::kernels {
namespace {

TEST(CpuKernels, AreTheForcedOnes) {
  for (const ComputeType compute : {ComputeType::kAuto, ComputeType::kF32}) {
    const auto scalar = select_cpu_kernels({}, "scalar", compute);
    ASSERT_TRUE(scalar.has_value());
    EXPECT_EQ((*scalar)->isa, "scalar");
    for (const std::string_view isa : {"avx2", "avx512", "avx512_bf16", "amx"}) {
      const auto forced = select_cpu_kernels(detect_cpu_features(), isa, compute);
      if (!forced) continue;  // this CPU lacks it
      const bool plain = isa != "avx2" && compute == ComputeType::kF32;
      EXPECT_EQ((*forced)->isa, plain ? "avx512" : isa);
      EXPECT_NE((*forced)->linear, (*scalar)->linear);
    }
  }
}

TEST(CpuKernels, AreTheBestThatTheCpuHas) {
  const auto plain = select_cpu_kernels({}, std::nullopt, ComputeType::kAuto);
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ((*plain)->isa, "scalar");
#if defined(__x86_64__)
  const auto avx2 = select_cpu_kernels({.avx2 = true}, std::nullopt, ComputeType::kAuto);
  ASSERT_TRUE(avx2.has_value());
  EXPECT_EQ((*avx2)->isa, "avx2");
  const CpuFeatures wide{.avx2 = true, .avx512 = true};
  const auto avx512 = select_cpu_kernels(wide, std::nullopt, ComputeType::kAuto);
  ASSERT_TRUE(avx512.has_value());
  EXPECT_EQ((*avx512)->isa, "avx512");
  const CpuFeatures pairs{.avx2 = true, .avx512 = true, .avx512_bf16 = true};
  CpuFeatures all = pairs;
  all.amx = true;
  for (const ComputeType compute : {ComputeType::kAuto, ComputeType::kF32}) {
    const auto bf16 = select_cpu_kernels(pairs, std::nullopt, compute);
    const auto amx = select_cpu_kernels(all, std::nullopt, compute);
    ASSERT_TRUE(bf16.has_value() && amx.has_value());
    EXPECT_EQ((*bf16)->isa, compute == ComputeType::kAuto ? "avx512_bf16" : "avx512");
    EXPECT_EQ((*amx)->isa, compute == ComputeType::kAuto ? "amx" : "avx512");
  }
#endif
}

TEST(CpuFeatures, ImplyTheSmallerInstructionSets) {
  const CpuFeatures found = detect_cpu_features();
  EXPECT_TRUE(found.avx2 || !found.avx512);
  EXPECT_TRUE(found.avx512 || !found.avx512_bf16);
  EXPECT_TRUE(found.avx512_bf16 || !found.amx);
}

TEST(CpuKernels, FuseMultiplyAndAddAndRoundNoActivationInF32OnEveryIsa) {
  for (const std::string_view isa : {"scalar", "avx2", "avx512", "avx512_bf16", "amx"}) {
    const auto kernels = select_cpu_kernels(detect_cpu_features(), isa, ComputeType::kF32);
    if (!kernels) continue;  // this CPU lacks it
    EXPECT_TRUE((*kernels)->fused && !(*kernels)->bf16_activations) << isa;
    EXPECT_FALSE((*kernels)->int16_activations) << isa;
  }
}

TEST(CpuKernels, RefuseAnUnknownIsaAndNameBoth) {
  const auto kernels = select_cpu_kernels({}, "avx1024", ComputeType::kAuto);
  ASSERT_FALSE(kernels.has_value());
  EXPECT_EQ(kernels.error().code, ErrorCode::kUsage);
  EXPECT_EQ(kernels.error().message, "isa: expected one of scalar, found \"avx1024\"");
}

TEST(CpuKernels, RefuseAnIsaThatTheCpuLacks) {
  for (const std::string isa : {"avx2", "avx512", "avx512_bf16", "amx"}) {
    const auto kernels = select_cpu_kernels({}, isa, ComputeType::kAuto);
    ASSERT_FALSE(kernels.has_value());
    EXPECT_EQ(kernels.error().code, ErrorCode::kUsage);
    EXPECT_NE(kernels.error().message.find("found \"" + isa + "\""), std::string::npos)
        << kernels.error().message;
  }
}

TEST(TablesToTest, AreThoseOfTheIsaAskedFor) {
  const char* only = std::getenv("BORA_TEST_ISA");
  ASSERT_FALSE(tables_to_test().empty()) << "this CPU cannot run BORA_TEST_ISA=" << only;
  for (const CpuKernels* kernels : tables_to_test()) {
    EXPECT_TRUE(only == nullptr || kernels->isa == only) << name_of(*kernels);
  }
}

TEST(CpuKernels, ReportTheWorkThatAProbeDid) {
  const std::vector<std::byte> buffer(4096, std::byte{0});
  for (const CpuKernels* kernels : tables_to_test()) {
    const auto lanes = static_cast<double>(kernels->lanes);
    EXPECT_EQ(kernels->probe_fma(10).operations, 10 * 12 * 2 * lanes) << name_of(*kernels);
    EXPECT_EQ(kernels->probe_int8(10).operations, 10 * 12 * 8 * lanes) << name_of(*kernels);
    for (const std::size_t streams : {std::size_t{1}, kManyStreams}) {
      EXPECT_EQ(kernels->probe_read(buffer.data(), buffer.size(), streams).operations, 4096.0);
    }
  }
}

TEST(CpuKernels, ProbeTheProductsOfTilesOfEachTypeOfWeights) {
  for (const CpuKernels* kernels : linear_tables_to_test()) {
    if (kernels->tile_activations == nullptr) continue;
    // Of 16 rows and 16 tokens: four products of 32 pairs, or a group of 256 values.
    constexpr double kEach = 10 * 16 * 16 * 2;
    for (const DType type : kAllDTypes) {
      if (type != DType::kBF16 && info(type).block_values == 1) continue;
      EXPECT_EQ(kernels->probe_linear(type, 10).operations,
                kEach * (type == DType::kBF16 ? 4 * 32 : 256))
          << name_of(*kernels) << " " << info(type).name;
    }
  }
}

TEST(CpuKernels, ProbeTheInnerLoopOfEachTypeOfWeights) {
  for (const CpuKernels* kernels : linear_tables_to_test()) {
    if (kernels->tile_activations != nullptr) continue;
    const auto operations = [&](DType weights) {
      return kernels->probe_linear(weights, 10).operations;
    };
    const auto lanes = static_cast<double>(kernels->lanes);
    const double f32 = 10 * 12 * 2 * lanes;
    const double bf16 = 10 * 4 * 6 * 2 * 2 * lanes;  // a tile of 4 rows and 6 tokens, pairs
    EXPECT_EQ(operations(DType::kF32), f32) << name_of(*kernels);
    EXPECT_EQ(operations(DType::kF16), f32) << name_of(*kernels);
    EXPECT_EQ(operations(DType::kBF16), kernels->bf16_activations ? bf16 : f32)
        << name_of(*kernels);
    // Two vectors of rows by 6 tokens, by 3 where there are 16 registers.
    const double tile = kernels->lanes == 16 ? 12 : 6;
    for (const auto& [type, values] : {std::pair{DType::kQ8_0, 32},
                                       {DType::kQ4_0, 32},
                                       {DType::kQ4_1, 32},
                                       {DType::kQ4K, 128},
                                       {DType::kQ5K, 64},
                                       {DType::kQ6K, 32}}) {
      const double int16 = 10 * tile * 2 * values * lanes;
      EXPECT_EQ(operations(type), kernels->int16_activations ? int16 : f32)
          << name_of(*kernels) << " " << info(type).name;
    }
  }
}

}  // namespace
}  // namespace bora::kernels
