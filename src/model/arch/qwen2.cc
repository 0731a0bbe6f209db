// Qwen 2 and 2.5 (https://arxiv.org/abs/2407.10671, https://arxiv.org/abs/2412.15115): Llama's
// layer with biases on q, k and v. The configs name a window and mostly turn it off; where it is
// on, only the upper layers have it.
#include "model/decoder.h"
#include "model/decoder_config.h"
#include "model/registry.h"

#include <utility>

namespace bora::arch {
namespace {

Result<ModelConfig> parse_config(ConfigReader& reader) {
  ModelConfig config = read_decoder_config(reader, {.num_key_value_heads = 32});
  config.attention_bias = true;
  if (!reader.is_gguf()) read_upper_window(reader, config);
  return reader.finish(std::move(config));
}

}  // namespace

extern const ArchSpec kQwen2 = {.name = "qwen2",
                                .hf_architecture = "Qwen2ForCausalLM",
                                .parse_config = parse_config,
                                .bind_weights = bind_decoder};

}  // namespace bora::arch
