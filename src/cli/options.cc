#include "cli/options.h"

#include <array>
#include <utility>

namespace bora {
namespace {

constexpr std::array kWeights = {Choice{"auto"}, Choice{"f32"},  Choice{"f16"},
                                 Choice{"bf16"}, Choice{"int8"}, Choice{"int4"}};
constexpr std::array kCompute = {Choice{"auto"}, Choice{"f32"}};
constexpr std::array kKv = {Choice{"auto"}, Choice{"f32"}, Choice{"f16"}, Choice{"bf16"},
                            Choice{"int8", true}};
constexpr std::array kLoad = {Choice{"auto"}, Choice{"map"}, Choice{"copy"}};
constexpr std::array kDevice = {Choice{"auto"}, Choice{"cpu"}, Choice{"cuda", true}};

constexpr std::array kSpeculate = {Choice{"auto"}, Choice{"off"}, Choice{"lookup"},
                                   Choice{"model"}};

}  // namespace

std::span<const Choice> weight_choices() { return kWeights; }
std::span<const Choice> compute_choices() { return kCompute; }

void add_location_flags(FlagTable& flags, ModelLocation& location) {
  flags.text(
      "--cache-dir", "DIR",
      "folder of downloaded models (default: BORA_CACHE, ~/.cache/bora; of the Hub's HF_HOME)",
      location.cache_dir);
  flags.toggle("--offline", "use local files only (also HF_HUB_OFFLINE=1)", location.offline);
  flags.text("--token", "TOKEN", "for the Hub (better: bora login, or HF_TOKEN)", location.token);
}

void add_discard_flag(FlagTable& flags, ModelLocation& location) {
  flags.toggle("--discard-original",
               "of a model of the Hub keep the int8 or int4 weights alone: each file goes as soon "
               "as it is quantized",
               location.discard_original);
}

void add_engine_flags(FlagTable& flags, EngineFlags& options) {
  flags.group("Machine");
  flags.choice(
      "--weights",
      "type of the weights: as stored (auto), or converted at load; int8 and int4 are kept in "
      "the cache folder",
      kWeights, options.weights);
  add_machine_flags(flags, options);
}

void add_machine_flags(FlagTable& flags, EngineFlags& options) {
  flags.choice(
      "--compute",
      "f32: float32 activations, accumulation and KV; auto: the fastest within the documented "
      "tolerance",
      kCompute, options.compute);
  flags.choice("--kv", "type of the KV cache (auto: f32 with --compute f32, else f16)", kKv,
               options.kv);
  flags.choice("--load",
               "map: run from the page cache, at once; copy: from huge pages near to the cores, "
               "quantized rows interleaved (auto: a copy where it pays and the memory holds it)",
               kLoad, options.load);
  flags.choice("--device", "what computes", kDevice, options.device);
  flags.text("--isa", "NAME",
             "instruction set of the kernels: scalar, avx2, avx512, avx512_bf16, amx "
             "(default: the best)",
             options.isa);
  flags.whole("--threads", "threads (default: the cores this process may use)",
              Bounds<std::int64_t>{1, 1024}, options.threads);
  flags.whole("--ctx", "positions, prompt and answer together (default: the model's, at most 8192)",
              kPositiveCount, options.context);
  flags.whole("--prefill-chunk", "tokens of a prompt computed together (default 512)",
              Bounds<std::int64_t>{1, 65536}, options.prefill_chunk);
  flags.bytes("--memory-limit",
              "the memory to fit into, as 8G or 512M (default: what the machine has left)",
              options.memory_limit);
}

void add_sampling_flags(FlagTable& flags, SamplingFlags& options,
                        const SamplingDefaults& defaults) {
  flags.group(defaults.title);
  flags.real("--temperature", "0: the likeliest token each time", {0.0, 100.0},
             options.temperature);
  flags.whole("--top-k", "draw from the N likeliest (0: all)", kAnyCount, options.top_k);
  flags.real("--top-p", "draw from the fewest that together reach X", {1e-9, 1.0}, options.top_p);
  flags.real("--min-p", "draw from those at least X times as likely as the likeliest", {0.0, 1.0},
             options.min_p);
  flags.real("--repetition-penalty", "divide the logits of seen tokens by X (1: none)",
             {1e-6, 100.0}, options.repetition_penalty);
  flags.real("--presence-penalty", "subtract X once from tokens of the answer", {-100.0, 100.0},
             options.presence_penalty);
  flags.real("--frequency-penalty", "subtract X per occurrence in the answer", {-100.0, 100.0},
             options.frequency_penalty);
  flags.whole("--seed", defaults.seed, {0, std::numeric_limits<std::int64_t>::max()}, options.seed);
  flags.whole("--logprobs", "add the N likeliest of each new token to --json", {0, 100},
              options.logprobs);
}

void add_speculate_flags(FlagTable& flags, SpeculateFlags& options) {
  flags.choice(
      "--speculate",
      "guess tokens and check several a step, as far as that pays (auto), never, or always "
      "(lookup: from the text itself; model: by --draft-model); the answer is the same",
      kSpeculate, options.speculate);
  add_draft_model_flags(flags, options);
}

void add_draft_model_flags(FlagTable& flags, SpeculateFlags& options) {
  flags.text("--draft-model", "MODEL",
             "a smaller model of the same vocabulary, to guess tokens where the text itself gives "
             "no idea",
             options.draft_model);
  flags.choice("--draft-weights", "type of its weights, as --weights", kWeights,
               options.draft_weights);
}

Result<void> check(const SpeculateFlags& options) {
  const auto usage = [](std::string message) {
    return Error{ErrorCode::kUsage, std::move(message), {}};
  };
  if (options.draft_model.empty()) {
    if (options.speculate == "model") {
      return usage("--speculate model: expected --draft-model with it, found none");
    }
    if (options.draft_weights != "auto") {
      return usage("--draft-weights: expected --draft-model with it, found none");
    }
  } else if (options.speculate == "off" || options.speculate == "lookup") {
    return usage("--draft-model: expected --speculate auto or model with it, found " +
                 options.speculate);
  }
  return {};
}

void add_report_flags(FlagTable& flags, ReportFlags& options) {
  flags.group("Output");
  flags.toggle("--json", "one JSON object on stdout instead of text and report", options.json);
  flags.toggle("--quiet", "no progress and no report on stderr", options.quiet);
}

}  // namespace bora
