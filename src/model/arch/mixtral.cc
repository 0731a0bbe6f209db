// Mixtral (https://arxiv.org/abs/2401.04088): Mistral's layer, its MLP replaced by a mixture of
// experts of which two compute a token. GGUF files call it "llama".
#include "model/decoder.h"
#include "model/decoder_config.h"
#include "model/registry.h"

#include <utility>

namespace bora::arch {
namespace {

Result<ModelConfig> parse_config(ConfigReader& reader) {
  ModelConfig config = read_decoder_config(
      reader, {.num_key_value_heads = 8, .rms_norm_eps = 1e-5, .rope = {.theta = 1e6}});
  read_experts(reader, config);
  if (reader.has("sliding_window")) {
    config.sliding_window = reader.count("sliding_window", kMaxPositions);
  }
  return reader.finish(std::move(config));
}

}  // namespace

extern const ArchSpec kMixtral = {.name = "mixtral",
                                  .hf_architecture = "MixtralForCausalLM",
                                  .parse_config = parse_config,
                                  .bind_weights = bind_decoder};

}  // namespace bora::arch
