#include "model/decoder.h"

#include "model/attention.h"
#include "model/mlp.h"
#include "model/moe.h"
#include "model/products.h"
#include "model/step.h"
#include "tensor/tensor_view.h"

#include <fmt/format.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bora {
namespace {

struct DecoderLayer {
  TensorView input_layernorm;  // [H]
  AttentionWeights self_attn;
  TensorView post_attention_layernorm;  // [H], before the MLP
  MlpWeights mlp;                       // or, where there are experts,
  MoeWeights moe;
};

struct DecoderWeights {
  TensorView embed_tokens;  // [vocab, H]
  RopeTensors rope;
  std::vector<DecoderLayer> layers;
  TensorView norm;     // [H]
  TensorView lm_head;  // [vocab, H]; embed_tokens where they are tied
};

DecoderWeights bind_decoder_weights(WeightBinder& binder, const ModelConfig& config) {
  DecoderWeights weights;
  weights.embed_tokens = binder.embedding("model.embed_tokens.weight", config.vocab_size,
                                          config.hidden_size, config.tie_word_embeddings);
  weights.rope = bind_rope(binder, config);
  for (std::size_t i = 0; i < config.num_hidden_layers; ++i) {
    const std::string prefix = fmt::format("model.layers.{}", i);
    weights.layers.push_back({
        .input_layernorm = binder.vector(prefix + ".input_layernorm.weight", config.hidden_size),
        .self_attn = bind_attention(binder, prefix + ".self_attn", config),
        .post_attention_layernorm =
            binder.vector(prefix + ".post_attention_layernorm.weight", config.hidden_size),
        .mlp = {},
        .moe = {},
    });
    if (config.num_local_experts > 0) {
      weights.layers.back().moe = bind_moe(binder, prefix + ".block_sparse_moe", config);
    } else {
      weights.layers.back().mlp = bind_mlp(binder, prefix + ".mlp", config);
    }
    binder.ignore(prefix + ".self_attn.rotary_emb.inv_freq");  // written by old transformers
  }
  weights.norm = binder.vector("model.norm.weight", config.hidden_size);
  if (config.tie_word_embeddings) {
    weights.lm_head = weights.embed_tokens;
    binder.ignore("lm_head.weight");
  } else {
    weights.lm_head = binder.linear("lm_head.weight", config.vocab_size, config.hidden_size);
  }
  return weights;
}

// Values the workspace needs: a layer takes its activations once and all layers reuse them.
std::size_t workspace_values_for(const ModelConfig& config, std::size_t tokens) {
  const std::size_t hidden = config.hidden_size;
  const std::size_t heads = config.num_attention_heads * config.head_dim;
  const std::size_t kv_heads = config.num_key_value_heads * config.head_dim;
  // The residual stream and the rows of it whose logits are wanted; three norms; q, k, v; the
  // heads' outputs, twice as well; gate and up.
  std::size_t values = Workspace::values_for(
      tokens, {hidden, hidden, hidden, hidden, hidden, heads, kv_heads, kv_heads, heads, heads,
               config.intermediate_size, config.intermediate_size});
  if (config.num_local_experts > 0) values += moe_workspace_values(config, tokens);
  return values;
}

std::vector<Product> products_of(const DecoderWeights& weights) {
  std::vector<Product> products;
  for (const DecoderLayer& layer : weights.layers) {
    const bool last = &layer == &weights.layers.back();
    add_products(layer.self_attn, last, products);
    if (layer.moe.experts.empty()) {
      add_products(layer.mlp, last, products);
    } else {
      add_products(layer.moe, last, products);
    }
  }
  add_logits_product(weights.lm_head, products);
  return products;
}

class Decoder final : public Model {
 public:
  Decoder(ModelConfig config, BoundWeights bound, DecoderWeights weights,
          AttentionSettings attention)
      : Model(std::move(config), std::move(bound)),
        weights_(std::move(weights)),
        attention_(std::move(attention)) {}

  void forward(Backend& backend, const ForwardBatch& batch, const KvCache& cache,
               Workspace& workspace, MutableTensorView logits) const override {
    const Step step{backend, batch, cache, workspace, context_length()};
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
      const TensorView normed = rms_norm(step, x, layer.post_attention_layernorm, epsilon);
      if (layer.moe.experts.empty()) {
        add_mlp(step, layer.mlp, normed, x);
      } else {
        add_moe(step, layer.moe, normed, x);
      }
    }
    project_logits(step, rms_norm(step, x, weights_.norm, epsilon), weights_.lm_head, logits);
  }

  [[nodiscard]] std::size_t workspace_values(std::size_t tokens) const override {
    return workspace_values_for(config(), tokens);
  }

 private:
  DecoderWeights weights_;
  AttentionSettings attention_;
};

}  // namespace

Result<std::unique_ptr<Model>> bind_decoder(ModelConfig config, WeightBinder& binder) {
  DecoderWeights weights = bind_decoder_weights(binder, config);
  Result<BoundWeights> bound = binder.finish();
  if (!bound) return std::move(bound).error();
  for (const DecoderLayer& layer : weights.layers) {
    if (!layer.moe.experts.empty()) bound->idle_bytes += idle_bytes(layer.moe);
  }
  bound->products = products_of(weights);
  Result<AttentionSettings> attention = make_attention_settings(config, weights.rope);
  if (!attention) return std::move(attention).error();
  return std::unique_ptr<Model>(
      std::make_unique<Decoder>(std::move(config), std::move(bound).value(), std::move(weights),
                                std::move(attention).value()));
}

}  // namespace bora
