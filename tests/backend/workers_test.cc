#include "backend/cpu/workers.h"

#include "tests/backend/backend_testing.h"
#include "tests/kernels/kernel_testing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
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
  const std::vector<int> before = allowed_cpus();
  // Of 29 rows that cannot lie together, of 92 that can.
  for (const std::size_t rows : {29U, 92U}) {
    const UnalignedBytes weight = random.weights(DType::kQ4_0, rows, 64);
    const TensorView stored{weight.data(), DType::kQ4_0, {rows, 64}};
    const std::size_t together = rows == 92 ? 4 : 1;
    const UnalignedBytes beside = kernels::interleaved(stored.dtype, weight, 64, together);
    const std::byte* expected = together == 1 ? stored.data : beside.data();
    const auto copies_on = [&](Backend& backend) {
      std::vector<std::byte> to(stored.bytes() + 1, std::byte{9});
      const TensorView copy = backend.copy_weight(stored, to.data());
      EXPECT_EQ(copy.data, to.data());
      EXPECT_EQ(copy.interleaved, together);
      EXPECT_TRUE(std::equal(to.begin(), to.end() - 1, expected));
      EXPECT_EQ(to.back(), std::byte{9});
    };
    for (const int threads : {1, 2, 5, 40}) {
      copies_on(*make_backend(threads, "scalar"));
      copies_on(*make_backend_on_nodes(threads, "scalar"));
    }
  }
  EXPECT_EQ(allowed_cpus(), before);
}

// What a backend computes of a table that is also an output projection.
struct Outputs {
  explicit Outputs(std::size_t rows, std::size_t columns)
      : logits(2 * rows), embedded(3 * columns) {}
  std::vector<float> logits;
  std::vector<float> embedded;
};

Outputs compute(Backend& backend, const TensorView& weight, std::vector<float> x) {
  const std::size_t rows = weight.shape.rows();
  const std::size_t columns = weight.shape.columns();
  Outputs out(rows, columns);
  const auto view = [](std::vector<float>& values, Shape shape) {
    return MutableTensorView{reinterpret_cast<std::byte*>(values.data()), DType::kF32, shape};
  };
  const Projection projection{.weight = weight, .out = view(out.logits, {2, rows})};
  backend.linear({.x = view(x, {2, columns}), .projections = {&projection, 1}});
  const TokenId last{static_cast<std::int32_t>(rows - 1)};
  const std::array ids = {TokenId{0}, TokenId{21}, last};
  backend.embed({.table = weight, .ids = ids, .out = view(out.embedded, {3, columns})});
  return out;
}

TEST(Workers, GiveTheSameBitsOfCopies) {
  Random random(7);
  for (const DTypeInfo& type : kDTypes) {
    const std::size_t columns = 512;
    const UnalignedBytes weight = random.weights(type.dtype, 96, columns);
    const TensorView stored{weight.data(), type.dtype, {96, columns}};
    const std::vector<float> x = random.values(2 * columns);
    for (const int threads : {1, 3, 40}) {
      const auto backend = make_backend_on_nodes(threads, "scalar");
      std::vector<std::byte> to(stored.bytes());
      const TensorView copy = backend->copy_weight(stored, to.data());
      const Outputs expected = compute(*backend, stored, x);
      const Outputs out = compute(*backend, copy, x);
      EXPECT_EQ(out.logits, expected.logits) << type.name;
      EXPECT_EQ(out.embedded, expected.embedded) << type.name;
    }
  }
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
