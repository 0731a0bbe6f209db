// bora bench: prefill and decode speed beside what the machine can do, measured in turns.
#include "cli/bench_table.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/load.h"
#include "cli/machine.h"
#include "cli/options.h"
#include "cli/output.h"
#include "engine/engine.h"

#include <fmt/format.h>

#include <random>

namespace bora {
namespace {

struct BenchOptions {
  ModelLocation location;
  BenchShape shape;
  std::size_t reps = 5;
  EngineFlags engine;
  bool json = false;
};

constexpr HelpText kHelp = {
    "bora bench [MODEL] [options]",
    "Speed of prefill and decode, each repetition beside a probe of the memory's read bandwidth "
    "in\n"
    "the same process. The prompt is random ids of a fixed seed; an end of sequence does not "
    "stop.\n"
    "Decode starts at the depth, or after one token.",
    "JSON (--json): medians over the repetitions,\n"
    "  machine: cpu, threads, isa, read_bandwidth_gb_s, fma_gflops, int8_gops\n"
    "  results: [{weights, batch, prompt_tokens, new_tokens, depth, prefill_tokens_per_s,\n"
    "  decode_tokens_per_s, bandwidth_fraction}], the last one (weight + KV bytes read per "
    "second)\n"
    "  / the read bandwidth"};

FlagTable make_flags(BenchOptions& options) {
  FlagTable flags("bench");
  flags.positional("MODEL",
                   "folder with a checkpoint or .gguf file (default: SmolLM2-135M-Instruct)",
                   options.location.model);
  flags.group("What to measure");
  flags.whole("--prompt-tokens", "tokens of the prompt (default 512)", kPositiveCount,
              options.shape.prompt_tokens);
  flags.whole("--new-tokens", "tokens to decode (default 128)", kPositiveCount,
              options.shape.new_tokens);
  flags.whole("--depth", "tokens in the KV cache before either (default 0)", kAnyCount,
              options.shape.depth);
  flags.whole("--batch", "sequences at a time: 1 in this version", kPositiveCount,
              options.shape.batch);
  flags.whole("--reps", "repetitions, of which the median counts (default 5)", {1, 1000},
              options.reps);
  add_engine_flags(flags, options.engine);
  add_location_flags(flags, options.location);
  flags.group("Output");
  flags.toggle("--json", "one JSON object on stdout", options.json);
  return flags;
}

std::vector<TokenId> random_ids(std::size_t count, std::size_t vocab_size) {
  std::mt19937 random(
      20240726);  // NOLINT(bugprone-random-generator-seed): the same prompt each time
  std::uniform_int_distribution<TokenId> id(0, static_cast<TokenId>(vocab_size) - 1);
  std::vector<TokenId> ids(count);
  for (TokenId& each : ids) each = id(random);
  return ids;
}

// Runs the model for a repetition.
class Bench {
 public:
  Bench(Engine& engine, const BenchShape& shape) : engine_(engine), shape_(shape) {}

  // Brings the weights into the page cache and the workers to speed.
  Result<void> warm_up() {
    Result<Timings> timings = generate(std::min<std::size_t>(shape_.prompt_tokens, 16), 3);
    if (!timings) return std::move(timings).error();
    return {};
  }

  Result<BenchSample> repetition() {
    // The depth's own prefill is taken off the prompt's. Decode needs a token to start from.
    Result<Timings> decode =
        generate(std::max<std::size_t>(shape_.depth, 1), shape_.new_tokens + 1);
    if (!decode) return std::move(decode).error();
    Result<Timings> prefill = generate(shape_.depth + shape_.prompt_tokens, 1);
    if (!prefill) return std::move(prefill).error();
    const double depth_s = shape_.depth > 0 ? decode->prefill_s : 0.0;
    BenchSample sample;
    sample.prefill_tokens_per_s =
        static_cast<double>(shape_.prompt_tokens) / (prefill->prefill_s - depth_s);
    sample.decode_tokens_per_s = static_cast<double>(shape_.new_tokens) / decode->decode_s;
    return sample;
  }

  // Bytes a decode step reads, halfway through the answer.
  [[nodiscard]] double bytes_per_step() const {
    const std::size_t depth = std::max<std::size_t>(shape_.depth, 1) + shape_.new_tokens / 2;
    return static_cast<double>(engine_.model().weight_bytes_per_token() +
                               engine_.kv_bytes_read_per_token(depth));
  }

 private:
  Result<Timings> generate(std::size_t prompt_tokens, std::size_t new_tokens) {
    Request request;
    request.prompt = random_ids(prompt_tokens, engine_.model().config().vocab_size);
    request.max_new_tokens = new_tokens;
    request.ignore_eos = true;
    Result<Generation> done = engine_.generate(
        request, [](const TokenEvent&) { return true; }, &interrupt_flag());
    if (!done) return std::move(done).error();
    if (done->finish_reason == FinishReason::kInterrupted) {
      return Error{ErrorCode::kInterrupted, "bench: interrupted", {}};
    }
    return done->timings;
  }

  Engine& engine_;
  const BenchShape& shape_;
};

Result<BenchResult> measure(Llm& llm, MachineProbe& probe, const BenchOptions& options) {
  Bench bench(llm.engine(), options.shape);
  Result<void> warm = bench.warm_up();
  if (!warm) return std::move(warm).error();
  BenchResult result;
  result.shape = options.shape;
  result.weights = llm.info().weights;
  for (std::size_t i = 0; i < options.reps; ++i) {
    const double bandwidth = probe.read_bandwidth_gb_s();
    Result<BenchSample> sample = bench.repetition();
    if (!sample) return std::move(sample).error();
    sample->read_bandwidth_gb_s = bandwidth;
    sample->bandwidth_fraction =
        bench.bytes_per_step() * sample->decode_tokens_per_s / (bandwidth * 1e9);
    result.samples.push_back(*sample);
  }
  return result;
}

Result<Llm> open_model(const BenchOptions& options) {
  const BenchShape& shape = options.shape;
  EngineFlags engine = options.engine;
  const std::size_t needed =
      std::max<std::size_t>(shape.depth, 1) + std::max(shape.prompt_tokens, shape.new_tokens) + 1;
  if (engine.context == 0) engine.context = needed;
  Result<LlmOptions> llm = llm_options(engine);
  if (!llm) return std::move(llm).error();
  Result<std::filesystem::path> model = resolve_model(options.location);
  if (!model) return std::move(model).error();
  return Llm::open(*model, *llm);
}

}  // namespace

Result<ExitCode> bench_command(Arguments arguments) {
  BenchOptions options;
  FlagTable flags = make_flags(options);
  Result<bool> parsed = parse_arguments(flags, kHelp, arguments);
  if (!parsed) return std::move(parsed).error();
  if (!*parsed) return ExitCode::kDone;
  if (options.shape.batch != 1) {
    return Error{ErrorCode::kUsage,
                 fmt::format("--batch: expected 1, found {}", options.shape.batch),
                 {"more than one sequence at a time comes with a later version of bora"}};
  }
  Result<Llm> llm = open_model(options);
  if (!llm) return std::move(llm).error();
  Result<MachineProbe> probe = MachineProbe::create(options.engine.threads, options.engine.isa);
  if (!probe) return std::move(probe).error();
  Result<BenchResult> result = measure(*llm, *probe, options);
  if (!result) return std::move(result).error();
  result->machine = {cpu_name(), probe->threads(), probe->isa(), probe->fma_gflops(),
                     probe->int8_gops()};
  return print_all(options.json ? to_line(bench_json(*result)) : bench_text(*result));
}

}  // namespace bora
