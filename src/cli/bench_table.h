// What bench measured, and how it is shown. The JSON keys are a contract (docs/cli.md).
#pragma once

#include "cli/output.h"

#include <cstddef>
#include <string>
#include <vector>

namespace bora {

struct BenchShape {
  std::size_t prompt_tokens = 512;
  std::size_t new_tokens = 128;
  std::size_t depth = 0;
  std::size_t batch = 1;
};

// One repetition; tokens/s are the sum over the batch.
struct BenchSample {
  double prefill_tokens_per_s = 0.0;
  double decode_tokens_per_s = 0.0;
  double read_bandwidth_gb_s = 0.0;  // probed beside it
  double bandwidth_fraction = 0.0;   // of that, the share decode read
};

struct BenchMachine {
  std::string cpu;
  int threads = 0;
  std::string isa;
  double fma_gflops = 0.0;
  double int8_gops = 0.0;
};

// Of one batch size.
struct BenchResult {
  BenchShape shape;
  std::vector<BenchSample> samples;  // at least one
};

struct BenchReport {
  BenchMachine machine;
  std::string weights;
  std::vector<BenchResult> results;  // at least one
};

Json bench_json(const BenchReport& report);
std::string bench_text(const BenchReport& report);

}  // namespace bora
