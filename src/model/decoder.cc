#include "model/decoder.h"

#include <fmt/format.h>

#include <initializer_list>

namespace bora {

DecoderWeights bind_decoder(WeightBinder& binder, const ModelConfig& config) {
  DecoderWeights weights;
  weights.embed_tokens = binder.embedding("model.embed_tokens.weight", config.vocab_size,
                                          config.hidden_size, config.tie_word_embeddings);
  weights.rope_divisors =
      binder.vector_if(binder.has(kRopeDivisors), kRopeDivisors, config.head_dim / 2);
  for (std::size_t i = 0; i < config.num_hidden_layers; ++i) {
    const std::string prefix = fmt::format("model.layers.{}", i);
    weights.layers.push_back({
        .input_layernorm = binder.vector(prefix + ".input_layernorm.weight", config.hidden_size),
        .self_attn = bind_attention(binder, prefix + ".self_attn", config),
        .post_attention_layernorm =
            binder.vector(prefix + ".post_attention_layernorm.weight", config.hidden_size),
        .mlp = bind_mlp(binder, prefix + ".mlp", config),
    });
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

std::size_t decoder_workspace_values(const ModelConfig& config, std::size_t tokens) {
  const std::size_t hidden = config.hidden_size;
  const std::size_t heads = config.num_attention_heads * config.head_dim;
  const std::size_t kv_heads = config.num_key_value_heads * config.head_dim;
  std::size_t values = 0;
  // The residual stream and the rows of it whose logits are wanted; three norms; q, k, v; the
  // heads' outputs, twice as well; gate and up.
  for (const std::size_t columns :
       {hidden, hidden, hidden, hidden, hidden, heads, kv_heads, kv_heads, heads, heads,
        config.intermediate_size, config.intermediate_size}) {
    values += Workspace::values_for(tokens, columns);
  }
  return values;
}

}  // namespace bora
