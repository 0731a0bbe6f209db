#include "cli/load.h"

#include "base/mapped_file.h"
#include "cli/environment.h"
#include "cli/find_model.h"
#include "cli/interrupt.h"
#include "model/registry.h"

namespace bora {

Result<LlmOptions> llm_options(const EngineFlags& flags) {
  LlmOptions options;
  Result<std::optional<DType>> weights = parse_weight_type(flags.weights);
  if (!weights) return std::move(weights).error();
  options.weights = *weights;
  Result<std::optional<DType>> kv = parse_weight_type(flags.kv);
  if (!kv) return std::move(kv).error();
  options.kv = *kv;
  options.compute = flags.compute == "f32" ? ComputeType::kF32 : ComputeType::kAuto;
  options.isa = flags.isa;
  options.threads = flags.threads;
  if (flags.load != "auto") {
    options.load = flags.load == "copy" ? LoadMode::kCopy : LoadMode::kMap;
  }
  options.context_length = flags.context;
  options.prefill_chunk = flags.prefill_chunk;
  options.memory_limit = flags.memory_limit;
  return options;
}

Result<Llm> open_model(const ModelLocation& location, LlmOptions options, ProgressLine& progress) {
  Result<std::filesystem::path> model = find_model(location, &progress, &options);
  if (!model) return std::move(model).error();
  // Without a cache folder they are made in memory.
  if (Result<std::filesystem::path> cache = cache_folder(location.cache_dir)) {
    options.weights_cache = quantized_folder(*cache);
  }
  options.on_progress = [&](const QuantizeProgress& step) { progress.show(step); };
  options.on_note = [&](std::string_view line) { progress.note(line); };
  options.interrupted = &interrupt_flag();
  return Llm::open(*model, options);
}

SamplingParams sampling_params(const SamplingFlags& flags) {
  const auto as_float = [](const std::optional<double>& flag, float otherwise) {
    return flag ? static_cast<float>(*flag) : otherwise;
  };
  SamplingParams params;
  params.temperature = as_float(flags.temperature, params.temperature);
  params.top_k = flags.top_k.value_or(params.top_k);
  params.top_p = as_float(flags.top_p, params.top_p);
  params.min_p = as_float(flags.min_p, params.min_p);
  params.repetition_penalty = as_float(flags.repetition_penalty, params.repetition_penalty);
  params.presence_penalty = static_cast<float>(flags.presence_penalty);
  params.frequency_penalty = static_cast<float>(flags.frequency_penalty);
  params.seed = flags.seed.value_or(params.seed);
  params.logprobs = flags.logprobs;
  return params;
}

Speculate speculate_of(const SpeculateFlags& flags) {
  if (flags.speculate == "off") return Speculate::kOff;
  if (flags.speculate == "model") return Speculate::kAlwaysModel;
  return flags.speculate == "lookup" ? Speculate::kAlways : Speculate::kAuto;
}

Result<void> add_draft_model(const SpeculateFlags& flags, const ModelLocation& location,
                             LlmOptions& options, FindModel find) {
  if (flags.draft_model.empty()) return {};
  Result<std::optional<DType>> weights = parse_weight_type(flags.draft_weights);
  if (!weights) return std::move(weights).error();
  ModelLocation of_draft = location;
  of_draft.model = flags.draft_model;
  of_draft.discard_original = false;
  LlmOptions alone = options;
  alone.weights = *weights;
  Result<std::filesystem::path> model = find(of_draft, alone);
  if (!model) return std::move(model).error();
  options.draft_model = *std::move(model);
  options.draft_weights = *weights;
  return {};
}

Result<Llm> open_llm(const ModelLocation& location, const EngineFlags& flags,
                     const SpeculateFlags& speculate, const std::string& template_file,
                     ProgressLine& progress, Use use) {
  Result<LlmOptions> options = llm_options(flags);
  if (!options) return std::move(options).error();
  options->max_sequences = use.max_sequences;
  options->expected_tokens = use.new_tokens;
  if (!template_file.empty()) {
    constexpr std::size_t kTemplateLimit = std::size_t{1} << 20;
    Result<std::string> text = read_text_file(template_file, kTemplateLimit);
    if (!text) return std::move(text).error();
    options->chat_template = *std::move(text);
  }
  Result<void> added = add_draft_model(speculate, location, *options,
                                       [&](const ModelLocation& of_draft, const LlmOptions& alone) {
                                         return find_model(of_draft, &progress, &alone);
                                       });
  if (!added) return std::move(added).error();
  return open_model(location, *std::move(options), progress);
}

}  // namespace bora
