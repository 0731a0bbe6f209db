// Qwen 3, the dense ones (https://arxiv.org/abs/2505.09388): Llama's layer with a norm on each head
// of q and k, where Qwen 2 had biases; heads are not hidden_size / heads wide. The window is Qwen
// 2's.
#include "model/decoder.h"
#include "model/decoder_config.h"
#include "model/registry.h"

#include <utility>

namespace bora::arch {
namespace {

Result<ModelConfig> parse_config(ConfigReader& reader) {
  ModelConfig config = read_decoder_config(reader, {.num_key_value_heads = 32, .head_dim = 128});
  config.qk_norm = true;
  if (!reader.is_gguf()) {
    config.attention_bias = reader.flag("attention_bias", false);
    config.attention_output_bias = config.attention_bias;
    read_upper_window(reader, config);
  }
  return reader.finish(std::move(config));
}

}  // namespace

extern const ArchSpec kQwen3 = {.name = "qwen3",
                                .hf_architecture = "Qwen3ForCausalLM",
                                .parse_config = parse_config,
                                .bind_weights = bind_decoder};

}  // namespace bora::arch
