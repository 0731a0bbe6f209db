// Gemma 2 (https://arxiv.org/abs/2408.00118): a norm before and after each half of a layer, GELU in
// the MLP, scores and logits capped, a window in every other layer, embeddings scaled and tied.
// Hugging Face's norm weights lie around 0 and mean 1 + w; converters to GGUF have added the 1.
#include "model/attention.h"
#include "model/decoder_config.h"
#include "model/mlp.h"
#include "model/products.h"
#include "model/registry.h"
#include "model/step.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace bora::arch {
namespace {

constexpr std::array kGgufNames = {GgufName{"post_attention_layernorm", "post_attention_norm"}};

struct Layer {
  TensorView input_layernorm;  // [H], as all norms
  AttentionWeights self_attn;
  TensorView post_attention_layernorm;
  TensorView pre_feedforward_layernorm;
  MlpWeights mlp;
  TensorView post_feedforward_layernorm;
};

struct Weights {
  TensorView embed_tokens;  // [vocab, H]
  RopeTensors rope;
  std::vector<Layer> layers;
  TensorView norm;
  TensorView lm_head;  // [vocab, H]; embed_tokens where they are tied
};

// A cap of 0 is none: null in config.json.
double read_cap(ConfigReader& reader, std::string_view key, double where_absent) {
  constexpr double kLeast = 1e-3;
  constexpr double kMost = 1e6;
  if (reader.is_absent(key)) return where_absent;
  return reader.has(key) ? reader.number(key, kLeast, kMost) : 0.0;
}

// GGUF has no key: the scores of the largest Gemma 2 (46 layers) are scaled by hidden_size / heads,
// those of the others by head_dim, as llama.cpp knows too.
double gguf_attention_scalar(const ModelConfig& config) {
  constexpr std::size_t kLayersOfTheLargest = 46;
  const std::size_t scalar = config.num_hidden_layers == kLayersOfTheLargest
                                 ? config.hidden_size / config.num_attention_heads
                                 : config.head_dim;
  return static_cast<double>(scalar);
}

Result<ModelConfig> parse_config(ConfigReader& reader) {
  constexpr std::size_t kDefaultWindow = 4096;  // where the key is absent, as transformers has it
  ModelConfig config = read_decoder_config(reader, {.num_key_value_heads = 4,
                                                    .head_dim = 256,
                                                    .tie_word_embeddings = true,
                                                    .activation_key = "hidden_activation",
                                                    .activation = Activation::kGeluTanh});
  if (reader.has("sliding_window")) {
    config.sliding_window = reader.count("sliding_window", kMaxPositions);
  } else if (reader.is_absent("sliding_window")) {
    config.sliding_window = kDefaultWindow;
  }
  for (std::size_t i = 0; i < config.num_hidden_layers; ++i) {
    config.sliding_layers.push_back(i % 2 == 0);
  }
  config.attn_logit_softcapping = read_cap(reader, "attn_logit_softcapping", 50.0);
  config.final_logit_softcapping = read_cap(reader, "final_logit_softcapping", 30.0);
  if (reader.is_gguf()) {
    config.query_pre_attn_scalar = gguf_attention_scalar(config);
    return reader.finish(std::move(config));
  }
  config.query_pre_attn_scalar = reader.number("query_pre_attn_scalar", 1e-3, 1e6, 256.0);
  config.attention_bias = reader.flag("attention_bias", false);
  config.attention_output_bias = config.attention_bias;
  read_sliding_layers(reader, std::move(config.sliding_layers), config);
  reader.expect(!reader.flag("use_bidirectional_attention", false), "use_bidirectional_attention",
                "false");
  return reader.finish(std::move(config));
}

Layer bind_layer(WeightBinder& binder, const std::string& prefix, const ModelConfig& config) {
  const auto norm = [&](std::string_view name) {
    const std::string tensor = fmt::format("{}.{}.weight", prefix, name);
    return binder.is_gguf() ? binder.vector(tensor, config.hidden_size)
                            : binder.offset_vector(tensor, config.hidden_size, 1.0F);
  };
  return {.input_layernorm = norm("input_layernorm"),
          .self_attn = bind_attention(binder, prefix + ".self_attn", config),
          .post_attention_layernorm = norm("post_attention_layernorm"),
          .pre_feedforward_layernorm = norm("pre_feedforward_layernorm"),
          .mlp = bind_mlp(binder, prefix + ".mlp", config),
          .post_feedforward_layernorm = norm("post_feedforward_layernorm")};
}

class Gemma2 final : public Model {
 public:
  Gemma2(ModelConfig config, BoundWeights bound, Weights weights, AttentionSettings attention)
      : Model(std::move(config), std::move(bound)),
        weights_(std::move(weights)),
        attention_(std::move(attention)) {}

  void forward(Backend& backend, const ForwardBatch& batch, const KvCache& cache,
               Workspace& workspace, MutableTensorView logits) const override {
    const Step step{backend, batch, cache, workspace, context_length()};
    const float epsilon = config().rms_norm_eps;
    const float scale = std::sqrt(static_cast<float>(config().hidden_size));
    MutableTensorView x = embed(step, weights_.embed_tokens, scale);
    const std::size_t layer_activations = workspace.mark();
    for (std::size_t i = 0; i < weights_.layers.size(); ++i) {
      const Layer& layer = weights_.layers[i];
      workspace.rewind(layer_activations);
      MutableTensorView heads = attend(step, attention_, layer.self_attn, i,
                                       rms_norm(step, x, layer.input_layernorm, epsilon));
      if (i + 1 == weights_.layers.size()) {  // nothing later reads the other rows
        if (batch.logits_rows.empty()) return;
        heads = logits_rows_of(step, heads);
        x = logits_rows_of(step, x);
      }
      add_rms_norm(step, apply_linear(step, layer.self_attn.o_proj, heads),
                   layer.post_attention_layernorm, epsilon, x);
      const MutableTensorView hidden =
          gated(step, layer.mlp, rms_norm(step, x, layer.pre_feedforward_layernorm, epsilon));
      add_rms_norm(step, apply_linear(step, layer.mlp.down_proj, hidden),
                   layer.post_feedforward_layernorm, epsilon, x);
    }
    project_logits(step, rms_norm(step, x, weights_.norm, epsilon), weights_.lm_head, logits);
    if (config().final_logit_softcapping > 0.0) {
      backend.softcap({.x = logits, .cap = static_cast<float>(config().final_logit_softcapping)});
    }
  }

  [[nodiscard]] std::size_t workspace_values(std::size_t tokens) const override {
    const std::size_t hidden = config().hidden_size;
    const std::size_t heads = config().num_attention_heads * config().head_dim;
    const std::size_t kv_heads = config().num_key_value_heads * config().head_dim;
    // The residual stream and the rows of it whose logits are wanted; three norms; the outputs of
    // attention and MLP; q, k, v; the heads' outputs, twice as well; gate and up.
    return Workspace::values_for(
        tokens, {hidden, hidden, hidden, hidden, hidden, hidden, hidden, heads, kv_heads, kv_heads,
                 heads, heads, config().intermediate_size, config().intermediate_size});
  }

 private:
  Weights weights_;
  AttentionSettings attention_;
};

Result<std::unique_ptr<Model>> bind_weights(ModelConfig config, WeightBinder& binder) {
  binder.set_gguf_names(kGgufNames);
  Weights weights;
  weights.embed_tokens = binder.embedding("model.embed_tokens.weight", config.vocab_size,
                                          config.hidden_size, config.tie_word_embeddings);
  weights.rope = bind_rope(binder, config);
  for (std::size_t i = 0; i < config.num_hidden_layers; ++i) {
    weights.layers.push_back(bind_layer(binder, fmt::format("model.layers.{}", i), config));
  }
  constexpr std::string_view kNorm = "model.norm.weight";
  weights.norm = binder.is_gguf() ? binder.vector(kNorm, config.hidden_size)
                                  : binder.offset_vector(kNorm, config.hidden_size, 1.0F);
  if (config.tie_word_embeddings) {
    weights.lm_head = weights.embed_tokens;
    binder.ignore("lm_head.weight");
  } else {
    weights.lm_head = binder.linear("lm_head.weight", config.vocab_size, config.hidden_size);
  }
  Result<BoundWeights> bound = binder.finish();
  if (!bound) return std::move(bound).error();
  for (const Layer& layer : weights.layers) {
    const bool last = &layer == &weights.layers.back();
    add_products(layer.self_attn, last, bound->products);
    add_products(layer.mlp, last, bound->products);
  }
  add_logits_product(weights.lm_head, bound->products);
  Result<AttentionSettings> attention = make_attention_settings(config, weights.rope);
  if (!attention) return std::move(attention).error();
  return std::unique_ptr<Model>(
      std::make_unique<Gemma2>(std::move(config), std::move(bound).value(), std::move(weights),
                               std::move(attention).value()));
}

}  // namespace

extern const ArchSpec kGemma2 = {.name = "gemma2",
                                 .hf_architecture = "Gemma2ForCausalLM",
                                 .parse_config = parse_config,
                                 .bind_weights = bind_weights};

}  // namespace bora::arch
