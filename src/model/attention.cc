#include "model/attention.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>

namespace bora {

namespace {

// Rows of q, k and v, one after the other.
void bind_fused_qkv(WeightBinder& binder, std::string_view prefix, const ModelConfig& config,
                    AttentionWeights& weights) {
  const std::size_t q_size = config.num_attention_heads * config.head_dim;
  const std::size_t kv_size = config.num_key_value_heads * config.head_dim;
  const auto parts = binder.linears(fmt::format("{}.qkv_proj.weight", prefix),
                                    {q_size + 2 * kv_size, config.hidden_size},
                                    std::array{q_size, kv_size, kv_size});
  weights.q_proj.weight = parts[0];
  weights.k_proj.weight = parts[1];
  weights.v_proj.weight = parts[2];
}

void bind_qkv(WeightBinder& binder, std::string_view prefix, const ModelConfig& config,
              AttentionWeights& weights) {
  const auto bind = [&](std::string_view name, std::size_t heads) {
    return bind_linear(binder, fmt::format("{}.{}", prefix, name), heads * config.head_dim,
                       config.hidden_size, config.attention_bias);
  };
  weights.q_proj = bind("q_proj", config.num_attention_heads);
  weights.k_proj = bind("k_proj", config.num_key_value_heads);
  weights.v_proj = bind("v_proj", config.num_key_value_heads);
}

// Each head of x [T, heads * D], in place.
void norm_heads(const Step& step, const AttentionSettings& settings, TensorView weight,
                MutableTensorView x) {
  if (weight.empty()) return;
  const std::size_t heads = x.shape.values() / settings.head_dim;
  const MutableTensorView rows = {x.data, x.dtype, {heads, settings.head_dim}};
  step.backend.rms_norm(
      {.x = rows, .weight = weight, .epsilon = settings.norm_epsilon, .out = rows});
}

}  // namespace

AttentionWeights bind_attention(WeightBinder& binder, std::string_view prefix,
                                const ModelConfig& config) {
  AttentionWeights weights;
  if (config.fused_projections) {
    bind_fused_qkv(binder, prefix, config, weights);
  } else {
    bind_qkv(binder, prefix, config, weights);
  }
  const auto bind_norm = [&](std::string_view name) {
    return binder.vector_if(config.qk_norm, fmt::format("{}.{}.weight", prefix, name),
                            config.head_dim);
  };
  weights.q_norm = bind_norm("q_norm");
  weights.k_norm = bind_norm("k_norm");
  weights.o_proj =
      bind_linear(binder, fmt::format("{}.o_proj", prefix), config.hidden_size,
                  config.num_attention_heads * config.head_dim, config.attention_output_bias);
  return weights;
}

Result<AttentionSettings> make_attention_settings(const ModelConfig& config,
                                                  const RopeTensors& rope_tensors) {
  Result<Rope> rope = make_rope(config, rope_tensors);
  if (!rope) return std::move(rope).error();
  const double divisor = config.query_pre_attn_scalar > 0.0 ? config.query_pre_attn_scalar
                                                            : static_cast<double>(config.head_dim);
  AttentionSettings settings{.head_dim = config.head_dim,
                             .scale = 1.0F / std::sqrt(static_cast<float>(divisor)),
                             .softcap = static_cast<float>(config.attn_logit_softcapping),
                             .norm_epsilon = config.rms_norm_eps,
                             .windows = {},
                             .rope = std::move(rope).value()};
  for (std::size_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    settings.windows.push_back(config.window_of(layer));
  }
  return settings;
}

MutableTensorView attend(const Step& step, const AttentionSettings& settings,
                         const AttentionWeights& weights, std::size_t layer, TensorView x) {
  const ForwardBatch& batch = step.batch;
  const KvLayer& cache = step.cache.layers[layer];
  const MutableTensorView q = step.workspace.take(batch.tokens(), weights.q_proj.out_features());
  const MutableTensorView k = step.workspace.take(batch.tokens(), weights.k_proj.out_features());
  const MutableTensorView v = step.workspace.take(batch.tokens(), weights.v_proj.out_features());
  const std::array<Projection, 3> projections = {{
      {.weight = weights.q_proj.weight, .bias = weights.q_proj.bias, .out = q},
      {.weight = weights.k_proj.weight, .bias = weights.k_proj.bias, .out = k},
      {.weight = weights.v_proj.weight, .bias = weights.v_proj.bias, .out = v},
  }};
  step.backend.linear({.x = x, .projections = projections});

  norm_heads(step, settings, weights.q_norm, q);
  norm_heads(step, settings, weights.k_norm, k);
  for (const MutableTensorView& turned : {q, k}) {
    step.backend.rope({.x = turned,
                       .head_dim = settings.head_dim,
                       .positions = batch.positions,
                       .inverse_frequencies = settings.rope.speeds(step.context_length),
                       .style = settings.rope.style,
                       .attention_factor = settings.rope.attention_factor});
  }
  step.backend.store_kv(
      {.keys = k, .values = v, .slot_mapping = batch.slot_mapping, .layer = cache});

  const MutableTensorView heads = step.workspace.take(batch.tokens(), q.shape.columns());
  step.backend.attention({.q = q,
                          .layer = cache,
                          .cu_seqlens_q = batch.cu_seqlens_q,
                          .context_lens = batch.context_lens,
                          .block_tables = batch.block_tables,
                          .max_blocks_per_sequence = batch.max_blocks_per_sequence,
                          .scale = settings.scale,
                          .sliding_window = settings.windows[layer],
                          .logit_softcap = settings.softcap,
                          .out = heads});
  return heads;
}

}  // namespace bora
