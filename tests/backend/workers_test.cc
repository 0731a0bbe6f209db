#include "backend/cpu/workers.h"

#include "tests/backend/backend_testing.h"
#include "tests/kernels/kernel_testing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

namespace bora {
namespace {

using kernels::Random;
using kernels::UnalignedBytes;
using testing::make_backend;
using testing::make_backend_on_nodes;
using testing::three_nodes;

TEST(Workers, CopiesEveryRowOfAWeight) {
  Random random(6);
  const std::size_t rows = 3 * 29;  // of three matrices
  const UnalignedBytes weight = random.weights(DType::kQ4_0, rows, 64);
  const TensorView stored{weight.data(), DType::kQ4_0, {3, 29, 64}};
  const std::vector<int> before = allowed_cpus();
  const auto copies_on = [&](Backend& backend) {
    std::vector<std::byte> to(stored.bytes() + 1, std::byte{9});
    backend.copy_weight(stored, 29, to.data());
    EXPECT_TRUE(std::equal(to.begin(), to.end() - 1, stored.data));
    EXPECT_EQ(to.back(), std::byte{9});
  };
  for (const int threads : {1, 2, 5, 40}) {
    copies_on(*make_backend(threads, "scalar"));
    copies_on(*make_backend_on_nodes(threads, "scalar"));
  }
  EXPECT_EQ(allowed_cpus(), before);
}

TEST(Workers, BindsTheThreadThatItIsHandedTo) {
  CpuTopology topology = three_nodes();
  topology.nodes[0].cpus = {allowed_cpus().back()};
  const auto backend = make_cpu_backend({.threads = 3, .isa = "scalar", .topology = topology});
  ASSERT_TRUE(backend.has_value());
  const std::vector<int> before = allowed_cpus();
  std::thread([&] {
    (*backend)->adopt_thread();
    EXPECT_EQ(allowed_cpus(), topology.nodes[0].cpus);
  }).join();
  EXPECT_EQ(allowed_cpus(), before);
  std::thread([&] {
    make_backend(3, "scalar")->adopt_thread();
    EXPECT_EQ(allowed_cpus(), before);
  }).join();
}

}  // namespace
}  // namespace bora
