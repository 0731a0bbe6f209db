#include "cli/bench_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace bora {
namespace {

// Of a value that each sample has.
template <class Value>
Spread over(const BenchPhase& phase, const Value& value) {
  std::vector<double> values;
  values.reserve(phase.samples.size());
  for (const BenchSample& sample : phase.samples) values.push_back(value(sample));
  return spread_of(std::move(values));
}

std::vector<double> probed_bandwidths(const BenchPhase& phase) {
  std::vector<double> probed;
  for (const BenchSample& sample : phase.samples) {
    probed.push_back(sample.before.read_bandwidth_gb_s);
    probed.push_back(sample.after.read_bandwidth_gb_s);
  }
  return probed;
}

Spread bandwidth_of_all(const std::vector<const BenchPhase*>& phases) {
  std::vector<double> all;
  for (const BenchPhase* phase : phases) {
    const std::vector<double> probed = probed_bandwidths(*phase);
    all.insert(all.end(), probed.begin(), probed.end());
  }
  return spread_of(std::move(all));
}

std::vector<const BenchPhase*> phases_of(const BenchReport& report) {
  std::vector<const BenchPhase*> phases;
  for (const BenchResult& result : report.results) {
    for (const BenchPhase& prefill : result.prefills) phases.push_back(&prefill);
    phases.push_back(&result.decode);
  }
  return phases;
}

// The best that any probe found of each inner loop.
Roofs best_roofs(const BenchReport& report) {
  Roofs best;
  for (const BenchPhase* phase : phases_of(report)) {
    for (const BenchSample& sample : phase->samples) best = better_of(best, sample.roofs());
  }
  return best;
}

bool is_steady(const Spread& bandwidth) { return bandwidth.relative() <= kMostSpread; }

// Of reads that decode makes, of the bandwidth.
double read_share(const BenchPhase& decode) {
  return over(decode,
              [&](const BenchSample& sample) {
                return decode.work.bytes * sample.tokens_per_s * 1e-9 /
                       sample.roofs().read_bandwidth_gb_s;
              })
      .median;
}

// "prefill_limit_tokens_per_s" and what else a phase has.
void add_phase(Json& json, std::string_view name, const BenchPhase& phase) {
  const Limit limit = limit_of(phase.work, roofs_of(phase));
  const auto key = [&](std::string_view what) { return fmt::format("{}_{}", name, what); };
  json[key("limit_tokens_per_s")] = finite(limit.tokens_per_s);
  json[key("fraction")] = finite(fraction_of(phase).median);
  json[key("bound")] = limit.by_memory ? "memory" : "compute";
  json[key("gops")] = finite(speed_of(phase).median * phase.work.total_operations() * 1e-9);
  json[key("limit_gops")] = finite(compute_roof_gops(phase.work, roofs_of(phase)));
  json[key("operations_per_byte")] = finite(phase.work.intensity());
}

Json result_json(const BenchResult& result, const BenchPhase& prefill) {
  const Spread bandwidth = bandwidth_of_all({&prefill, &result.decode});
  Json json = {{"weights", result.weights},
               {"batch", result.batch},
               {"prompt_tokens", prefill.tokens},
               {"new_tokens", result.decode.tokens},
               {"depth", result.depth},
               {"prefill_tokens_per_s", finite(speed_of(prefill).median)},
               {"decode_tokens_per_s", finite(speed_of(result.decode).median)},
               {"bandwidth_fraction", finite(read_share(result.decode))},
               {"read_bandwidth_gb_s", finite(bandwidth.median)},
               {"read_bandwidth_spread", finite(bandwidth.relative())},
               {"steady", is_steady(bandwidth)}};
  add_phase(json, "prefill", prefill);
  add_phase(json, "decode", result.decode);
  return json;
}

// "bf16 410, f32 205"
std::string inner_loops(const Roofs& roofs) {
  std::string text;
  for (std::size_t i = 0; i < kDTypes.size(); ++i) {
    if (roofs.gops[i] <= 0.0) continue;
    text += fmt::format("{}{} {:.0f}", text.empty() ? "" : ", ", kDTypes[i].name, roofs.gops[i]);
  }
  return text;
}

// "prefill 4 x 512 at 8192"
std::string title_of(std::string_view what, const BenchResult& result, std::size_t tokens) {
  std::string title =
      result.batch == 1 ? fmt::format("{} {} {}", result.weights, what, tokens)
                        : fmt::format("{} {} {} x {}", result.weights, what, result.batch, tokens);
  if (result.depth > 0) title += fmt::format(" at {}", result.depth);
  return title;
}

std::string row(const std::string& title, const BenchPhase& phase) {
  const Spread speed = speed_of(phase);
  const Limit limit = limit_of(phase.work, roofs_of(phase));
  std::string text = fmt::format("{:<32}{:>9.2f}{:>9.2f}{:>9.2f}{:>10.2f}{:>7.2f} of {}", title,
                                 speed.median, speed.least, speed.most, limit.tokens_per_s,
                                 fraction_of(phase).median, limit.by_memory ? "reads" : "compute");
  const Spread bandwidth = bandwidth_of(phase);
  if (!is_steady(bandwidth)) text += fmt::format(", unsteady {:.0f} %", bandwidth.relative() * 100);
  return text + "\n";
}

}  // namespace

Spread spread_of(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  const double median =
      values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
  return {median, values.front(), values.back()};
}

Spread speed_of(const BenchPhase& phase) {
  return over(phase, [](const BenchSample& sample) { return sample.tokens_per_s; });
}

Spread fraction_of(const BenchPhase& phase) {
  return over(phase, [&](const BenchSample& sample) {
    return sample.tokens_per_s / limit_of(phase.work, sample.roofs()).tokens_per_s;
  });
}

Spread bandwidth_of(const BenchPhase& phase) { return bandwidth_of_all({&phase}); }

Roofs roofs_of(const BenchPhase& phase) {
  Roofs roofs;
  roofs.read_bandwidth_gb_s = over(phase, [](const BenchSample& sample) {
                                return sample.roofs().read_bandwidth_gb_s;
                              }).median;
  for (std::size_t i = 0; i < roofs.gops.size(); ++i) {
    roofs.gops[i] =
        over(phase, [&](const BenchSample& sample) { return sample.roofs().gops[i]; }).median;
  }
  return roofs;
}

Json bench_json(const BenchReport& report) {
  const BenchMachine& machine = report.machine;
  const Spread bandwidth = bandwidth_of_all(phases_of(report));
  const Roofs roofs = best_roofs(report);
  Json loops = Json::object();
  for (std::size_t i = 0; i < kDTypes.size(); ++i) {
    if (roofs.gops[i] > 0.0) loops[std::string(kDTypes[i].name)] = finite(roofs.gops[i]);
  }
  Json results = Json::array();
  for (const BenchResult& result : report.results) {
    for (const BenchPhase& prefill : result.prefills) {
      results.push_back(result_json(result, prefill));
    }
  }
  return Json{{"machine",
               {{"cpu", machine.cpu},
                {"threads", machine.threads},
                {"isa", machine.isa},
                {"read_bandwidth_gb_s", finite(bandwidth.median)},
                {"read_bandwidth_spread", finite(bandwidth.relative())},
                {"steady", is_steady(bandwidth)},
                {"fma_gflops", finite(machine.fma_gflops)},
                {"int8_gops", finite(machine.int8_gops)},
                {"inner_loop_gops", std::move(loops)}}},
              {"results", std::move(results)}};
}

std::string bench_text(const BenchReport& report) {
  const BenchMachine& machine = report.machine;
  const Spread bandwidth = bandwidth_of_all(phases_of(report));
  std::string text = fmt::format(
      "{}, {} threads, {}\n"
      "reads {:.1f} GB/s ({:.1f} to {:.1f}); inner loops, Gop/s: {}\n\n"
      "{:<32}{:>9}{:>9}{:>9}{:>10}  share\n",
      machine.cpu, machine.threads, machine.isa, bandwidth.median, bandwidth.least, bandwidth.most,
      inner_loops(best_roofs(report)), "tokens/s", "median", "min", "max", "limit");
  bool all_steady = true;
  for (const BenchResult& result : report.results) {
    for (const BenchPhase& prefill : result.prefills) {
      text += row(title_of("prefill", result, prefill.tokens), prefill);
      all_steady = all_steady && is_steady(bandwidth_of(prefill));
    }
    text += row(title_of("decode", result, result.decode.tokens), result.decode);
    all_steady = all_steady && is_steady(bandwidth_of(result.decode));
  }
  if (!all_steady) {
    text += fmt::format(
        "\nunsteady: the read bandwidth spread over more than {:.0f} % beside it; repeat, do not "
        "count\n",
        kMostSpread * 100);
  }
  return text;
}

}  // namespace bora
