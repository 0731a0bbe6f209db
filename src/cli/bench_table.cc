#include "cli/bench_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace bora {
namespace {

struct Spread {
  double median = 0.0;
  double least = 0.0;
  double most = 0.0;
};

Spread spread_of(const std::vector<BenchSample>& samples, double BenchSample::*field) {
  std::vector<double> values;
  values.reserve(samples.size());
  for (const BenchSample& sample : samples) values.push_back(sample.*field);
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  const double median =
      values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
  return {median, values.front(), values.back()};
}

std::string row(std::string_view what, const Spread& spread, std::string_view unit) {
  return fmt::format("{:<22}{:>10.2f}{:>10.2f}{:>10.2f}  {}\n", what, spread.median, spread.least,
                     spread.most, unit);
}

std::string tokens_of(std::string_view what, std::size_t batch, std::size_t tokens) {
  return batch == 1 ? fmt::format("{} {} tokens", what, tokens)
                    : fmt::format("{} {} x {} tokens", what, batch, tokens);
}

double median_of(const BenchResult& result, double BenchSample::*field) {
  return finite(spread_of(result.samples, field).median);
}

// The bandwidth was probed for every batch size alike.
double read_bandwidth_of(const BenchReport& report) {
  std::vector<BenchSample> all;
  for (const BenchResult& result : report.results) {
    all.insert(all.end(), result.samples.begin(), result.samples.end());
  }
  return finite(spread_of(all, &BenchSample::read_bandwidth_gb_s).median);
}

}  // namespace

Json bench_json(const BenchReport& report) {
  const BenchMachine& machine = report.machine;
  Json results = Json::array();
  for (const BenchResult& result : report.results) {
    const BenchShape& shape = result.shape;
    results.push_back(
        {{"weights", report.weights},
         {"batch", shape.batch},
         {"prompt_tokens", shape.prompt_tokens},
         {"new_tokens", shape.new_tokens},
         {"depth", shape.depth},
         {"prefill_tokens_per_s", median_of(result, &BenchSample::prefill_tokens_per_s)},
         {"decode_tokens_per_s", median_of(result, &BenchSample::decode_tokens_per_s)},
         {"bandwidth_fraction", median_of(result, &BenchSample::bandwidth_fraction)}});
  }
  return Json{{"machine",
               {{"cpu", machine.cpu},
                {"threads", machine.threads},
                {"isa", machine.isa},
                {"read_bandwidth_gb_s", read_bandwidth_of(report)},
                {"fma_gflops", finite(machine.fma_gflops)},
                {"int8_gops", finite(machine.int8_gops)}}},
              {"results", std::move(results)}};
}

std::string bench_text(const BenchReport& report) {
  const BenchMachine& machine = report.machine;
  std::string text = fmt::format(
      "{}, {} threads, {}: {:.0f} GFLOP/s f32, {:.0f} Gop/s int8\n"
      "{} weights, depth {}, {} repetitions\n\n{:<22}{:>10}{:>10}{:>10}\n",
      machine.cpu, machine.threads, machine.isa, machine.fma_gflops, machine.int8_gops,
      report.weights, report.results.front().shape.depth, report.results.front().samples.size(), "",
      "median", "min", "max");
  for (const BenchResult& result : report.results) {
    const BenchShape& shape = result.shape;
    const auto spread = [&](double BenchSample::*field) {
      return spread_of(result.samples, field);
    };
    text += row(tokens_of("prefill", shape.batch, shape.prompt_tokens),
                spread(&BenchSample::prefill_tokens_per_s), "tokens/s");
    text += row(tokens_of("decode", shape.batch, shape.new_tokens),
                spread(&BenchSample::decode_tokens_per_s), "tokens/s");
    text += row("read bandwidth", spread(&BenchSample::read_bandwidth_gb_s), "GB/s, probed");
    text += row("decode's share of it", spread(&BenchSample::bandwidth_fraction),
                "weight and KV bytes");
  }
  return text;
}

}  // namespace bora
