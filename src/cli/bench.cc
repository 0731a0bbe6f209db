// bora bench: prefill and decode speed beside what the machine can do, measured in turns.
#include "base/atomic_file.h"
#include "cli/bench_plot.h"
#include "cli/bench_run.h"
#include "cli/bench_table.h"
#include "cli/command.h"
#include "cli/load.h"
#include "cli/machine.h"
#include "cli/options.h"
#include "cli/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

namespace bora {
namespace {

struct BenchOptions {
  ModelLocation location;
  std::vector<std::size_t> prompt_tokens{512};
  std::size_t new_tokens = 128;
  std::vector<std::size_t> depths{0};
  std::vector<std::size_t> batches{1};
  std::vector<std::string> weights{"auto"};
  std::size_t reps = 5;
  EngineFlags engine;
  std::string plot;
  bool json = false;
};

constexpr HelpText kHelp = {
    "bora bench [MODEL] [options]",
    "Speed of prefill and decode for each combination of the lengths, depths, batches and weights\n"
    "given, as a share of the limit: the slower one of reading all bytes (weights, once a step; "
    "KV\n"
    "cache) and computing all operations. What memory and cores can do is probed in the same "
    "process\n"
    "before and after each run, with the inner loop of each type of weights. Where the read "
    "bandwidth\n"
    "spread over more than 15 % a result is called unsteady: other load was on the machine, "
    "repeat.\n"
    "The prompt is random ids of a fixed seed; an end of sequence does not stop. Decode starts at "
    "the\n"
    "depth, or after one token. With more than one sequence at a time, tokens/s are their sum.",
    "JSON (--json): medians over the repetitions,\n"
    "  machine: cpu, threads, isa, read_bandwidth_gb_s, read_bandwidth_spread ((largest - "
    "smallest) /\n"
    "  median), steady (spread <= 0.15), fma_gflops, int8_gops, inner_loop_gops {type: Gop/s}\n"
    "  results: [{weights, batch, prompt_tokens, new_tokens, depth, prefill_tokens_per_s,\n"
    "  decode_tokens_per_s, bandwidth_fraction (weight + KV bytes read per second in decode / the\n"
    "  read bandwidth), read_bandwidth_gb_s, read_bandwidth_spread, steady, and of either phase "
    "P:\n"
    "  P_limit_tokens_per_s, P_fraction (of it), P_bound (memory or compute), P_gops, "
    "P_limit_gops,\n"
    "  P_operations_per_byte}]"};

FlagTable make_flags(BenchOptions& options) {
  FlagTable flags("bench");
  flags.positional("MODEL",
                   "OWNER/NAME on the Hub, folder with a checkpoint or .gguf file (default: "
                   "SmolLM2-135M-Instruct)",
                   options.location.model);
  flags.group("What to measure (lists: one measurement for each)");
  flags.wholes("--prompt-tokens", "tokens of the prompt (default 512)", kPositiveCount,
               options.prompt_tokens);
  flags.whole("--new-tokens", "tokens to decode (default 128)", kPositiveCount, options.new_tokens);
  flags.wholes("--depth", "tokens in the KV cache before either (default 0)", kAnyCount,
               options.depths);
  flags.wholes("--batch", "sequences at a time (default 1)", {1, 1024}, options.batches);
  flags.choices("--weights",
                "type of the weights: as stored (auto), or converted at load; int8 and int4 are "
                "kept in the cache folder",
                weight_choices(), options.weights);
  flags.whole("--reps", "repetitions, of which the median counts (default 5)", {1, 1000},
              options.reps);
  flags.group("Machine");
  add_machine_flags(flags, options.engine);
  add_location_flags(flags, options.location);
  flags.group("Output");
  flags.toggle("--json", "one JSON object on stdout", options.json);
  flags.text("--plot", "FILE", "write a plot (SVG): the roofline, and speed over context",
             options.plot);
  return flags;
}

// One batch size at one depth, with all prompts.
struct Case {
  BenchRun run;
  BenchResult result;
};

// What a loaded model is measured with, and where it goes.
class Measurement {
 public:
  Measurement(Llm& llm, MachineProbe& probe, const BenchOptions& options)
      : llm_(llm), probe_(probe), options_(options) {
    for (const Product& product : llm.engine().model().products()) needed(product.dtype);
    needed(DType::kF32);  // attention
  }

  // The cases take turns, so that what slows the machine for a while slows all alike.
  Result<std::vector<BenchResult>> run() {
    std::vector<Case> cases = make_cases();
    const std::size_t longest = *std::ranges::max_element(options_.prompt_tokens);
    for (Case& each : cases) {
      Result<void> warm = each.run.warm_up(std::min(longest, chunk()));
      if (!warm) return std::move(warm).error();
    }
    last_ = probe_all();
    for (std::size_t rep = 0; rep < options_.reps; ++rep) {
      for (Case& each : cases) {
        if (Result<void> done = repetition(each); !done) return std::move(done).error();
      }
    }
    std::vector<BenchResult> results;
    for (Case& each : cases) results.push_back(std::move(each.result));
    return results;
  }

 private:
  void needed(DType dtype) {
    if (std::ranges::find(types_, dtype) == types_.end()) types_.push_back(dtype);
  }

  Roofs probe_all() {
    Roofs roofs{.read_bandwidth_gb_s = probe_.read_bandwidth_gb_s()};
    for (const DType type : types_) {
      roofs.gops[static_cast<std::size_t>(type)] = probe_.linear_gops(type);
    }
    return roofs;
  }

  std::vector<Case> make_cases() {
    std::vector<Case> cases;
    for (const std::size_t batch : options_.batches) {
      for (const std::size_t depth : options_.depths) {
        const WorkShape shape{.depth = depth, .batch = batch, .chunk = chunk()};
        cases.push_back({BenchRun(llm_.engine(), batch, depth, chunk()), {}});
        BenchResult& result = cases.back().result;
        result.weights = llm_.info().weights;
        result.batch = batch;
        result.depth = depth;
        result.decode.tokens = options_.new_tokens;
        result.decode.work = decode_work(llm_.engine(), with_tokens(shape, options_.new_tokens));
        for (const std::size_t tokens : options_.prompt_tokens) {
          result.prefills.push_back(
              {.tokens = tokens,
               .work = prefill_work(llm_.engine(), with_tokens(shape, tokens)),
               .samples = {}});
        }
      }
    }
    return cases;
  }

  static WorkShape with_tokens(WorkShape shape, std::size_t tokens) {
    shape.tokens = tokens;
    return shape;
  }

  [[nodiscard]] std::size_t chunk() const { return options_.engine.prefill_chunk; }

  Result<void> repetition(Case& each) {
    if (Result<void> done = add(each.run.decode(each.result.decode.tokens), each.result.decode);
        !done) {
      return done;
    }
    for (BenchPhase& prefill : each.result.prefills) {
      if (Result<void> done = add(each.run.prefill(prefill.tokens), prefill); !done) return done;
    }
    return {};
  }

  // A run that is over, and a probe after it.
  Result<void> add(Result<double> tokens_per_s, BenchPhase& phase) {
    if (!tokens_per_s) return std::move(tokens_per_s).error();
    const Roofs after = probe_all();
    phase.samples.push_back({.tokens_per_s = *tokens_per_s, .before = last_, .after = after});
    last_ = after;
    return {};
  }

  Llm& llm_;
  MachineProbe& probe_;
  const BenchOptions& options_;
  std::vector<DType> types_;  // whose inner loops are probed
  Roofs last_;                // what was probed last
};

// Positions that the longest of all runs takes.
std::size_t positions_needed(const BenchOptions& options) {
  const std::size_t prompt = *std::ranges::max_element(options.prompt_tokens);
  const std::size_t depth = *std::ranges::max_element(options.depths);
  std::size_t needed = 0;
  for (const std::size_t batch : options.batches) {
    const std::size_t decoded =
        options.new_tokens + tokens_ahead(batch, depth, options.engine.prefill_chunk);
    needed = std::max(needed, std::max<std::size_t>(depth, 1) + std::max(prompt, decoded) + 1);
  }
  return needed;
}

Result<Llm> open(const BenchOptions& options, const std::string& weights) {
  EngineFlags engine = options.engine;
  engine.weights = weights;
  if (engine.context == 0) engine.context = positions_needed(options);
  Result<LlmOptions> llm = llm_options(engine);
  if (!llm) return std::move(llm).error();
  llm->max_sequences = *std::ranges::max_element(options.batches);
  llm->expected_tokens = options.new_tokens * options.reps;
  ProgressLine progress(options.json);
  return open_model(options.location, *std::move(llm), progress);
}

// One type of weights after the other: together they might not fit into memory.
Result<BenchReport> measure(const BenchOptions& options) {
  BenchReport report;
  for (const std::string& weights : options.weights) {
    Result<Llm> llm = open(options, weights);
    if (!llm) return std::move(llm).error();
    Result<LlmOptions> chosen = llm_options(options.engine);
    if (!chosen) return std::move(chosen).error();
    Result<MachineProbe> probe =
        MachineProbe::create(options.engine.threads, options.engine.isa, chosen->compute);
    if (!probe) return std::move(probe).error();
    report.machine = {cpu_name(), probe->threads(), probe->isa(), probe->fma_gflops(),
                      probe->int8_gops()};
    Result<std::vector<BenchResult>> results = Measurement(*llm, *probe, options).run();
    if (!results) return std::move(results).error();
    std::ranges::move(*results, std::back_inserter(report.results));
  }
  return report;
}

// Before minutes of measuring, not after them.
Result<void> check_folder_of(const std::filesystem::path& plot) {
  if (plot.empty()) return {};
  const std::filesystem::path folder = plot.has_parent_path() ? plot.parent_path() : ".";
  std::error_code error;
  if (std::filesystem::is_directory(plot, error)) {
    return Error{ErrorCode::kUsage,
                 fmt::format("--plot {}: expected a file to write, found a folder", plot.string()),
                 {}};
  }
  if (::access(folder.c_str(), W_OK | X_OK) == 0) return {};
  const std::string reason = std::generic_category().message(errno);
  return Error{ErrorCode::kFailed,
               fmt::format("--plot {}: expected a folder that can be written, found {}: {}",
                           plot.string(), folder.string(), reason),
               {}};
}

}  // namespace

FlagTable bench_flags() {
  static BenchOptions options;
  return make_flags(options);
}

Result<ExitCode> bench_command(Arguments arguments) {
  BenchOptions options;
  FlagTable flags = make_flags(options);
  Result<bool> parsed = parse_arguments(flags, kHelp, arguments);
  if (!parsed) return std::move(parsed).error();
  if (!*parsed) return ExitCode::kDone;
  if (Result<void> there = check_folder_of(options.plot); !there) return std::move(there).error();
  Result<BenchReport> report = measure(options);
  if (!report) return std::move(report).error();
  Result<ExitCode> printed =
      print_all(options.json ? to_line(bench_json(*report)) : bench_text(*report));
  if (!printed || options.plot.empty()) return printed;
  Result<void> written = write_file_whole(options.plot, bench_svg(*report));
  if (!written) return std::move(written).error().with_context("--plot");
  return printed;
}

}  // namespace bora
