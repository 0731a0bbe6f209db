// Llama 1, 2 and 3 (https://arxiv.org/abs/2302.13971, https://arxiv.org/abs/2307.09288,
// https://arxiv.org/abs/2407.21783): a norm before each half of a layer, rotary positions, SwiGLU;
// from Llama 2 on grouped queries, from 3.1 on scaled rotary positions, in small ones tied
// embeddings. GGUF files call Mistral and Mixtral "llama" too, hence the window and the
// experts.
#include "model/decoder.h"
#include "model/decoder_config.h"
#include "model/registry.h"

#include <utility>

namespace bora::arch {
namespace {

Result<ModelConfig> parse_config(ConfigReader& reader) {
  ModelConfig config = read_decoder_config(reader);
  if (reader.is_gguf()) {
    config.rope_style = RopeStyle::kInterleaved;
    if (reader.has("sliding_window")) {
      config.sliding_window = reader.count("sliding_window", kMaxPositions);
    }
    if (reader.number("num_local_experts", 0.0, 1e6, 0.0) > 0.0) read_experts(reader, config);
  } else {
    config.attention_bias = reader.flag("attention_bias", false);
    config.attention_output_bias = config.attention_bias;
    config.mlp_bias = reader.flag("mlp_bias", false);
  }
  return reader.finish(std::move(config));
}

}  // namespace

extern const ArchSpec kLlama = {.name = "llama",
                                .hf_architecture = "LlamaForCausalLM",
                                .parse_config = parse_config,
                                .bind_weights = bind_decoder};

}  // namespace bora::arch
