// The gated feed-forward block, SwiGLU (https://arxiv.org/abs/2002.05202):
// down(silu(gate(x)) * up(x)).
#pragma once

#include "model/model_config.h"
#include "model/step.h"

#include <string_view>

namespace bora {

struct MlpWeights {
  Linear gate_proj;  // [I, H]
  Linear up_proj;    // [I, H]
  Linear down_proj;  // [H, I]
};

// PREFIX is "model.layers.0.mlp".
MlpWeights bind_mlp(WeightBinder& binder, std::string_view prefix, const ModelConfig& config);

// out [T, H] += the block of x [T, H].
void add_mlp(const Step& step, const MlpWeights& weights, TensorView x, MutableTensorView out);

}  // namespace bora
