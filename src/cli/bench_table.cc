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

}  // namespace

Json bench_json(const BenchResult& result) {
  const auto median = [&](double BenchSample::*field) {
    return finite(spread_of(result.samples, field).median);
  };
  const BenchMachine& machine = result.machine;
  const BenchShape& shape = result.shape;
  Json entry = {{"weights", result.weights},
                {"batch", shape.batch},
                {"prompt_tokens", shape.prompt_tokens},
                {"new_tokens", shape.new_tokens},
                {"depth", shape.depth},
                {"prefill_tokens_per_s", median(&BenchSample::prefill_tokens_per_s)},
                {"decode_tokens_per_s", median(&BenchSample::decode_tokens_per_s)},
                {"bandwidth_fraction", median(&BenchSample::bandwidth_fraction)}};
  return Json{{"machine",
               {{"cpu", machine.cpu},
                {"threads", machine.threads},
                {"isa", machine.isa},
                {"read_bandwidth_gb_s", median(&BenchSample::read_bandwidth_gb_s)},
                {"fma_gflops", finite(machine.fma_gflops)},
                {"int8_gops", finite(machine.int8_gops)}}},
              {"results", Json::array({std::move(entry)})}};
}

std::string bench_text(const BenchResult& result) {
  const BenchMachine& machine = result.machine;
  const BenchShape& shape = result.shape;
  const auto spread = [&](double BenchSample::*field) { return spread_of(result.samples, field); };
  std::string text = fmt::format(
      "{}, {} threads, {}: {:.0f} GFLOP/s f32, {:.0f} Gop/s int8\n"
      "{} weights, depth {}, {} repetitions\n\n{:<22}{:>10}{:>10}{:>10}\n",
      machine.cpu, machine.threads, machine.isa, machine.fma_gflops, machine.int8_gops,
      result.weights, shape.depth, result.samples.size(), "", "median", "min", "max");
  text += row(fmt::format("prefill {} tokens", shape.prompt_tokens),
              spread(&BenchSample::prefill_tokens_per_s), "tokens/s");
  text += row(fmt::format("decode {} tokens", shape.new_tokens),
              spread(&BenchSample::decode_tokens_per_s), "tokens/s");
  text += row("read bandwidth", spread(&BenchSample::read_bandwidth_gb_s), "GB/s, probed");
  text +=
      row("decode's share of it", spread(&BenchSample::bandwidth_fraction), "weight and KV bytes");
  return text;
}

}  // namespace bora
