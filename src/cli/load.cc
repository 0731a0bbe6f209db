#include "cli/load.h"

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
  options.context_length = flags.context;
  options.prefill_chunk = flags.prefill_chunk;
  options.memory_limit = flags.memory_limit;
  return options;
}

SamplingParams sampling_params(const SamplingFlags& flags) {
  SamplingParams params;
  params.temperature = static_cast<float>(flags.temperature);
  params.top_k = flags.top_k;
  params.top_p = static_cast<float>(flags.top_p);
  params.min_p = static_cast<float>(flags.min_p);
  params.repetition_penalty = static_cast<float>(flags.repetition_penalty);
  params.presence_penalty = static_cast<float>(flags.presence_penalty);
  params.frequency_penalty = static_cast<float>(flags.frequency_penalty);
  params.seed = flags.seed;
  params.logprobs = flags.logprobs;
  return params;
}

}  // namespace bora
