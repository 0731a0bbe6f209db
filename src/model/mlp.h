// The gated feed-forward block (https://arxiv.org/abs/2002.05202): down(act(gate(x)) * up(x)).
#pragma once

#include "model/model_config.h"
#include "model/step.h"

#include <string_view>

namespace bora {

struct MlpWeights {
  Linear gate_proj;  // [I, H]
  Linear up_proj;    // [I, H]
  Linear down_proj;  // [H, I]
  Activation activation = Activation::kSilu;
};

// PREFIX is "model.layers.0.mlp".
MlpWeights bind_mlp(WeightBinder& binder, std::string_view prefix, const ModelConfig& config);

// act(gate(x)) * up(x), a new [T, I] for x [T, H]: what down_proj takes.
MutableTensorView gated(const Step& step, const MlpWeights& weights, TensorView x);

// out [T, H] += the block of x [T, H].
void add_mlp(const Step& step, const MlpWeights& weights, TensorView x, MutableTensorView out);

}  // namespace bora
