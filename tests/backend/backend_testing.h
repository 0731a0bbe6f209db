// Backends for tests: on this machine as it is, and as if it had nodes.
#pragma once

#include "backend/cpu/cpu_backend.h"
#include "base/cpu_affinity.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bora::testing {

inline std::unique_ptr<Backend> make_backend(int threads, std::string_view isa) {
  auto backend = make_cpu_backend({.threads = threads, .isa = std::string(isa)});
  EXPECT_TRUE(backend.has_value());
  EXPECT_TRUE((*backend)->reserve(64, 4096).has_value());
  return std::move(backend).value();
}

// Three nodes that share this machine's CPUs, the second with more cores than the others.
inline CpuTopology three_nodes() {
  const std::vector<int> cpus = allowed_cpus();
  CpuTopology topology;
  for (int i = 0; i < 3; ++i) {
    topology.nodes.push_back({.number = 0, .cores = i == 1 ? 2 : 1, .cpus = cpus});
  }
  return topology;
}

inline std::unique_ptr<Backend> make_backend_on_nodes(int threads, std::string_view isa) {
  auto backend =
      make_cpu_backend({.threads = threads, .isa = std::string(isa), .topology = three_nodes()});
  EXPECT_TRUE(backend.has_value());
  EXPECT_EQ((*backend)->nodes() > 1, threads > 1);
  EXPECT_TRUE((*backend)->reserve(64, 4096).has_value());
  return std::move(backend).value();
}

}  // namespace bora::testing
