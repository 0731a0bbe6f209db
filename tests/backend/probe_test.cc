#include "backend/probe.h"

#include "tests/kernels/kernel_testing.h"

#include <gtest/gtest.h>

namespace bora {
namespace {

TEST(Probe, MeasuresSomethingOnEveryIsa) {
  auto pool = ThreadPool::create(2);
  ASSERT_TRUE(pool.has_value());
  for (const kernels::CpuKernels* table : kernels::tables_to_test()) {
    const auto probe = probe_cpu(**pool, *table, std::size_t{1} << 20);
    ASSERT_TRUE(probe.has_value());
    EXPECT_GT(probe->read_bandwidth_gb_s, 0.0) << kernels::name_of(*table);
    EXPECT_GT(probe->fma_gflops, 0.0) << kernels::name_of(*table);
    EXPECT_GT(probe->int8_gops, 0.0) << kernels::name_of(*table);
    for (const DType weights : {DType::kF32, DType::kBF16, DType::kQ4K}) {
      EXPECT_GT(probe_linear_gops(**pool, *table, weights), 0.0) << kernels::name_of(*table);
    }
  }
}

}  // namespace
}  // namespace bora
