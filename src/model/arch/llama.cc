// Llama 1, 2 and 3 (https://arxiv.org/abs/2302.13971, https://arxiv.org/abs/2307.09288,
// https://arxiv.org/abs/2407.21783): a norm before each half of a layer, rotary positions, SwiGLU;
// from Llama 2 on grouped queries, from 3.1 on scaled rotary positions, in small ones tied
// embeddings. GGUF files call Mistral "llama" too, hence the window.
#include "model/decoder.h"
#include "model/decoder_config.h"
#include "model/registry.h"

#include <utility>

namespace bora::arch {
namespace {

class Llama final : public Model {
 public:
  Llama(ModelConfig config, BoundWeights bound, DecoderWeights weights, AttentionSettings attention)
      : Model(std::move(config), std::move(bound)),
        weights_(std::move(weights)),
        attention_(std::move(attention)) {}

  void forward(Backend& backend, const ForwardBatch& batch, const KvCache& cache,
               Workspace& workspace, MutableTensorView logits) const override {
    const Step step{backend, batch, cache, workspace};
    const float epsilon = config().rms_norm_eps;
    MutableTensorView x = embed(step, weights_.embed_tokens);
    const std::size_t layer_activations = workspace.mark();
    for (std::size_t i = 0; i < weights_.layers.size(); ++i) {
      const DecoderLayer& layer = weights_.layers[i];
      workspace.rewind(layer_activations);
      MutableTensorView heads = attend(step, attention_, layer.self_attn, i,
                                       rms_norm(step, x, layer.input_layernorm, epsilon));
      if (i + 1 == weights_.layers.size()) {  // nothing later reads the other rows
        if (batch.logits_rows.empty()) return;
        heads = logits_rows_of(step, heads);
        x = logits_rows_of(step, x);
      }
      add_linear(step, layer.self_attn.o_proj, heads, x);
      add_mlp(step, layer.mlp, rms_norm(step, x, layer.post_attention_layernorm, epsilon), x);
    }
    project_logits(step, rms_norm(step, x, weights_.norm, epsilon), weights_.lm_head, logits);
  }

  [[nodiscard]] std::size_t workspace_values(std::size_t tokens) const override {
    return decoder_workspace_values(config(), tokens);
  }

 private:
  DecoderWeights weights_;
  AttentionSettings attention_;
};

Result<ModelConfig> parse_config(ConfigReader& reader) {
  ModelConfig config = read_decoder_config(reader);
  if (reader.is_gguf()) {
    config.rope_style = RopeStyle::kInterleaved;
    if (reader.has("sliding_window")) {
      config.sliding_window = reader.count("sliding_window", kMaxPositions);
    }
    reader.expect(reader.number("num_local_experts", 0.0, 1e6, 0.0) == 0.0, "num_local_experts",
                  "0 (mixtures of experts come with a later version)");
  } else {
    config.attention_bias = reader.flag("attention_bias", false);
    config.mlp_bias = reader.flag("mlp_bias", false);
  }
  return reader.finish(std::move(config));
}

Result<std::unique_ptr<Model>> bind_weights(ModelConfig config, WeightBinder& binder) {
  DecoderWeights weights = bind_decoder(binder, config);
  Result<BoundWeights> bound = binder.finish();
  if (!bound) return std::move(bound).error();
  Result<AttentionSettings> attention = make_attention_settings(config, weights.rope_divisors);
  if (!attention) return std::move(attention).error();
  return std::unique_ptr<Model>(std::make_unique<Llama>(std::move(config), std::move(bound).value(),
                                                        std::move(weights),
                                                        std::move(attention).value()));
}

}  // namespace

extern const ArchSpec kLlama = {.name = "llama",
                                .hf_architecture = "LlamaForCausalLM",
                                .parse_config = parse_config,
                                .bind_weights = bind_weights};

}  // namespace bora::arch
