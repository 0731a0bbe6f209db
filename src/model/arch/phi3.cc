// Phi 3, 3.5 and 4 (https://arxiv.org/abs/2404.14219, https://arxiv.org/abs/2503.01743): Llama's
// layer with q, k and v in one tensor, and gate and up in another. The small ones have a window;
// those for long contexts turn positions by LongRoPE, in Phi 4 mini only a part of each head.
#include "model/decoder.h"
#include "model/decoder_config.h"
#include "model/registry.h"

#include <utility>

namespace bora::arch {
namespace {

Result<ModelConfig> parse_config(ConfigReader& reader) {
  ModelConfig config = read_decoder_config(
      reader, {.rms_norm_eps = 1e-5, .rope = {.partial = true, .longrope = true}});
  config.fused_projections = true;
  // Converters write 0 for none.
  const bool none =
      reader.is_gguf() && reader.number("sliding_window", 0.0, kMaxPositions, 0.0) == 0;
  if (reader.has("sliding_window") && !none) {
    config.sliding_window = reader.count("sliding_window", kMaxPositions);
  }
  if (!reader.is_gguf()) {
    reader.expect(!reader.flag("attention_bias", false), "attention_bias", "false");
  }
  return reader.finish(std::move(config));
}

}  // namespace

extern const ArchSpec kPhi3 = {.name = "phi3",
                               .hf_architecture = "Phi3ForCausalLM",
                               .parse_config = parse_config,
                               .bind_weights = bind_decoder};

}  // namespace bora::arch
