// What bench measured, and how it is shown. The JSON keys are a contract (docs/cli.md).
#pragma once

#include "cli/bench_limits.h"
#include "cli/output.h"

#include <cstddef>
#include <string>
#include <vector>

namespace bora {

// One repetition, and what was probed right before and after it.
struct BenchSample {
  double tokens_per_s = 0.0;  // the sum over the batch
  Roofs before;
  Roofs after;

  [[nodiscard]] Roofs roofs() const { return better_of(before, after); }
};

// A prompt of `tokens` tokens, or an answer.
struct BenchPhase {
  std::size_t tokens = 0;
  Work work;
  std::vector<BenchSample> samples;  // at least one
};

// Prompts of several lengths, and the answer, of which a prompt's length is no part.
struct BenchResult {
  std::string weights;
  std::size_t batch = 1;
  std::size_t depth = 0;
  std::vector<BenchPhase> prefills;  // at least one
  BenchPhase decode;
};

struct BenchMachine {
  std::string cpu;
  int threads = 0;
  std::string isa;
  double fma_gflops = 0.0;
  double int8_gops = 0.0;
};

struct BenchReport {
  BenchMachine machine;
  std::vector<BenchResult> results;  // at least one
};

// Where the read bandwidth spreads over more than this, (largest - smallest) / median, other load
// was on the machine: repeat, do not count.
inline constexpr double kMostSpread = 0.15;

struct Spread {
  double median = 0.0;
  double least = 0.0;
  double most = 0.0;

  [[nodiscard]] double relative() const { return (most - least) / median; }
};

// `values`: at least one.
Spread spread_of(std::vector<double> values);

// Over a phase's repetitions: tokens/s; of that, the share of the limit probed beside it; the read
// bandwidths probed.
Spread speed_of(const BenchPhase& phase);
Spread fraction_of(const BenchPhase& phase);
Spread bandwidth_of(const BenchPhase& phase);

// Medians of what was probed beside a phase.
Roofs roofs_of(const BenchPhase& phase);

Json bench_json(const BenchReport& report);
std::string bench_text(const BenchReport& report);

}  // namespace bora
