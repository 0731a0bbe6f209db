// The attention block: q, k, v projections, rotary positions, the KV cache, causal attention over
// it. Grouped queries (https://arxiv.org/abs/2305.13245) and a sliding window
// (https://arxiv.org/abs/2310.06825) are a matter of shapes and one number.
#pragma once

#include "model/model_config.h"
#include "model/rope.h"
#include "model/step.h"

#include <cstddef>
#include <string_view>
#include <vector>

namespace bora {

struct AttentionWeights {
  Linear q_proj;      // [N * D, H]
  Linear k_proj;      // [Nkv * D, H]
  Linear v_proj;      // [Nkv * D, H]
  TensorView q_norm;  // [D], of each head before it turns; empty: none
  TensorView k_norm;  // [D]
  Linear o_proj;      // [H, N * D]
};

// PREFIX is "model.layers.0.self_attn".
AttentionWeights bind_attention(WeightBinder& binder, std::string_view prefix,
                                const ModelConfig& config);

// What does not lie in weights.
struct AttentionSettings {
  std::size_t head_dim = 0;
  float scale = 0.0F;                // of q . k
  float softcap = 0.0F;              // of scores; 0: none
  float norm_epsilon = 0.0F;         // of q_norm and k_norm
  std::vector<std::size_t> windows;  // [layers], positions seen; 0: all
  Rope rope;
};

// Those of the config. Errors as make_rope().
Result<AttentionSettings> make_attention_settings(const ModelConfig& config,
                                                  const RopeTensors& rope_tensors);

// The heads' outputs [T, N * D] of layer `layer` for x [T, H], before the output projection. Stores
// the keys and values of the batch in the cache.
MutableTensorView attend(const Step& step, const AttentionSettings& settings,
                         const AttentionWeights& weights, std::size_t layer, TensorView x);

}  // namespace bora
