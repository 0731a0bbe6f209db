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

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>
#include <vector>

namespace bora {
namespace {

struct BenchOptions {
  ModelLocation location;
  BenchShape shape;
  std::vector<std::size_t> batches{1};
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
    "Decode starts at the depth, or after one token. With more than one sequence at a time, "
    "tokens/s\n"
    "are their sum.",
    "JSON (--json): medians over the repetitions,\n"
    "  machine: cpu, threads, isa, read_bandwidth_gb_s, fma_gflops, int8_gops\n"
    "  results: [{weights, batch, prompt_tokens, new_tokens, depth, prefill_tokens_per_s,\n"
    "  decode_tokens_per_s, bandwidth_fraction}], the last one (weight + KV bytes read per "
    "second)\n"
    "  / the read bandwidth"};

FlagTable make_flags(BenchOptions& options) {
  FlagTable flags("bench");
  flags.positional("MODEL",
                   "OWNER/NAME on the Hub, folder with a checkpoint or .gguf file (default: "
                   "SmolLM2-135M-Instruct)",
                   options.location.model);
  flags.group("What to measure");
  flags.whole("--prompt-tokens", "tokens of the prompt (default 512)", kPositiveCount,
              options.shape.prompt_tokens);
  flags.whole("--new-tokens", "tokens to decode (default 128)", kPositiveCount,
              options.shape.new_tokens);
  flags.whole("--depth", "tokens in the KV cache before either (default 0)", kAnyCount,
              options.shape.depth);
  flags.wholes("--batch", "sequences at a time, one measurement each (default 1)", {1, 1024},
               options.batches);
  flags.whole("--reps", "repetitions, of which the median counts (default 5)", {1, 1000},
              options.reps);
  add_engine_flags(flags, options.engine);
  add_location_flags(flags, options.location);
  flags.group("Output");
  flags.toggle("--json", "one JSON object on stdout", options.json);
  return flags;
}

using Clock = std::chrono::steady_clock;

double seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

std::vector<TokenId> random_ids(std::size_t count, std::size_t vocab_size, std::size_t seed) {
  std::mt19937 random(static_cast<std::uint32_t>(
      20240726 + seed));  // NOLINT(bugprone-random-generator-seed): the same prompts each time
  std::uniform_int_distribution<TokenId> id(0, static_cast<TokenId>(vocab_size) - 1);
  std::vector<TokenId> ids(count);
  for (TokenId& each : ids) each = id(random);
  return ids;
}

// Tokens beyond new_tokens that the first sequences of a batch decode while the last is at its
// prompt: a step takes at least half a chunk of prompts, and each prompt may end one early.
std::size_t tokens_ahead(const BenchShape& shape, std::size_t chunk) {
  if (shape.batch == 1) return 0;
  return shape.batch * shape.depth / std::max<std::size_t>(chunk / 2, 1) + 2 * shape.batch;
}

// When the tokens of a batch came.
struct BatchTimes {
  Clock::time_point start;
  std::vector<std::vector<Clock::time_point>> tokens;  // of each sequence

  [[nodiscard]] Clock::time_point all_have_begun() const {
    Clock::time_point last = start;
    for (const auto& times : tokens) last = std::max(last, times.front());
    return last;
  }

  // Tokens/s of all sequences together, from when all have begun to when the first ends.
  [[nodiscard]] double decode_tokens_per_s() const {
    const Clock::time_point begin = all_have_begun();
    Clock::time_point end = tokens.front().back();
    for (const auto& times : tokens) end = std::min(end, times.back());
    std::size_t count = 0;
    for (const auto& times : tokens) {
      for (const Clock::time_point time : times) count += time > begin && time <= end ? 1 : 0;
    }
    return static_cast<double>(count) / seconds(end - begin);
  }
};

// Runs the model for a repetition.
class Bench {
 public:
  Bench(Engine& engine, const BenchShape& shape, std::size_t chunk)
      : engine_(engine), shape_(shape), ahead_(tokens_ahead(shape, chunk)) {}

  // Brings the weights into the page cache and the workers to speed.
  Result<void> warm_up() {
    Result<BatchTimes> times = generate(std::min<std::size_t>(shape_.prompt_tokens, 16), 3);
    if (!times) return std::move(times).error();
    return {};
  }

  Result<BenchSample> repetition() {
    // Decode needs a token to start from.
    Result<BatchTimes> decode =
        generate(std::max<std::size_t>(shape_.depth, 1), shape_.new_tokens + 1 + ahead_);
    if (!decode) return std::move(decode).error();
    Result<double> prefill_s = seconds_of_prefill(shape_.depth + shape_.prompt_tokens);
    if (!prefill_s) return std::move(prefill_s).error();
    if (shape_.depth > 0) {  // whose own prefill is taken off
      Result<double> depth_s = seconds_of_prefill(shape_.depth);
      if (!depth_s) return std::move(depth_s).error();
      *prefill_s -= *depth_s;
    }
    BenchSample sample;
    sample.prefill_tokens_per_s =
        static_cast<double>(shape_.batch * shape_.prompt_tokens) / *prefill_s;
    sample.decode_tokens_per_s = decode->decode_tokens_per_s();
    return sample;
  }

  // Bytes a decode step reads for each of its tokens, halfway through the answer.
  [[nodiscard]] double bytes_per_token() const {
    const std::size_t depth = std::max<std::size_t>(shape_.depth, 1) + shape_.new_tokens / 2;
    return static_cast<double>(engine_.model().weight_bytes_per_token()) /
               static_cast<double>(shape_.batch) +
           static_cast<double>(engine_.kv_bytes_read_per_token(depth));
  }

 private:
  Result<double> seconds_of_prefill(std::size_t prompt_tokens) {
    Result<BatchTimes> times = generate(prompt_tokens, 1);
    if (!times) return std::move(times).error();
    return seconds(times->all_have_begun() - times->start);
  }

  // A whole batch: prompts of their own, which no cache knows.
  Result<BatchTimes> generate(std::size_t prompt_tokens, std::size_t new_tokens) {
    std::vector<Request> requests(shape_.batch);
    for (std::size_t i = 0; i < shape_.batch; ++i) {
      requests[i].prompt = random_ids(prompt_tokens, engine_.model().config().vocab_size, i);
      requests[i].max_new_tokens = new_tokens;
      requests[i].ignore_eos = true;
      requests[i].use_prefix_cache = false;
      requests[i].speculate = Speculate::kOff;
    }
    BatchTimes times;
    times.start = Clock::now();
    Result<std::vector<TokenStream>> streams = engine_.submit_all(requests, &interrupt_flag());
    if (!streams) return std::move(streams).error();
    for (TokenStream& stream : *streams) {
      std::vector<Clock::time_point>& tokens = times.tokens.emplace_back();
      while (const std::optional<TokenEvent> event = stream.next()) tokens.push_back(event->time);
      Result<Generation> done = stream.wait();
      if (!done) return std::move(done).error();
      if (Result<void> whole = check_whole(*done); !whole) return std::move(whole).error();
    }
    return times;
  }

  Result<void> check_whole(const Generation& done) const {
    if (done.finish_reason == FinishReason::kInterrupted) {
      return Error{ErrorCode::kInterrupted, "bench: interrupted", {}};
    }
    if (done.preemptions == 0) return {};
    return Error{
        ErrorCode::kDoesNotFit,
        fmt::format("--batch {}: expected room in the KV cache for all sequences, found too little",
                    shape_.batch),
        {"use a smaller --batch, --depth, --prompt-tokens or --new-tokens"}};
  }

  Engine& engine_;
  const BenchShape shape_;
  const std::size_t ahead_;
};

std::vector<BenchShape> shapes_of(const BenchOptions& options) {
  std::vector<BenchShape> shapes;
  for (const std::size_t batch : options.batches) {
    shapes.push_back(options.shape);
    shapes.back().batch = batch;
  }
  return shapes;
}

// The batch sizes take turns, so that what slows the machine for a while slows all alike.
Result<BenchReport> measure(Llm& llm, MachineProbe& probe, const BenchOptions& options) {
  BenchReport report;
  report.weights = llm.info().weights;
  std::vector<Bench> benches;
  for (const BenchShape& shape : shapes_of(options)) {
    report.results.push_back({.shape = shape, .samples = {}});
    benches.emplace_back(llm.engine(), shape, options.engine.prefill_chunk);
    Result<void> warm = benches.back().warm_up();
    if (!warm) return std::move(warm).error();
  }
  for (std::size_t rep = 0; rep < options.reps; ++rep) {
    for (std::size_t i = 0; i < benches.size(); ++i) {
      const double bandwidth = probe.read_bandwidth_gb_s();
      Result<BenchSample> sample = benches[i].repetition();
      if (!sample) return std::move(sample).error();
      sample->read_bandwidth_gb_s = bandwidth;
      sample->bandwidth_fraction =
          benches[i].bytes_per_token() * sample->decode_tokens_per_s / (bandwidth * 1e9);
      report.results[i].samples.push_back(*sample);
    }
  }
  return report;
}

Result<Llm> open(const BenchOptions& options) {
  EngineFlags engine = options.engine;
  std::size_t needed = 0;
  for (const BenchShape& shape : shapes_of(options)) {
    const std::size_t decoded = shape.new_tokens + tokens_ahead(shape, engine.prefill_chunk);
    needed = std::max(
        needed, std::max<std::size_t>(shape.depth, 1) + std::max(shape.prompt_tokens, decoded) + 1);
  }
  if (engine.context == 0) engine.context = needed;
  Result<LlmOptions> llm = llm_options(engine);
  if (!llm) return std::move(llm).error();
  llm->max_sequences = *std::ranges::max_element(options.batches);
  ProgressLine progress(options.json);
  return open_model(options.location, *std::move(llm), progress);
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
  Result<Llm> llm = open(options);
  if (!llm) return std::move(llm).error();
  Result<MachineProbe> probe = MachineProbe::create(options.engine.threads, options.engine.isa);
  if (!probe) return std::move(probe).error();
  Result<BenchReport> report = measure(*llm, *probe, options);
  if (!report) return std::move(report).error();
  report->machine = {cpu_name(), probe->threads(), probe->isa(), probe->fma_gflops(),
                     probe->int8_gops()};
  return print_all(options.json ? to_line(bench_json(*report)) : bench_text(*report));
}

}  // namespace bora
