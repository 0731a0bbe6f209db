#include "model/mlp.h"

#include <fmt/format.h>

#include <array>

namespace bora {

MlpWeights bind_mlp(WeightBinder& binder, std::string_view prefix, const ModelConfig& config) {
  const auto bind = [&](std::string_view name, std::size_t out, std::size_t in) {
    return bind_linear(binder, fmt::format("{}.{}", prefix, name), out, in, config.mlp_bias);
  };
  return {.gate_proj = bind("gate_proj", config.intermediate_size, config.hidden_size),
          .up_proj = bind("up_proj", config.intermediate_size, config.hidden_size),
          .down_proj = bind("down_proj", config.hidden_size, config.intermediate_size)};
}

void add_mlp(const Step& step, const MlpWeights& weights, TensorView x, MutableTensorView out) {
  const std::size_t tokens = x.shape.rows();
  const MutableTensorView gate = step.workspace.take(tokens, weights.gate_proj.out_features());
  const MutableTensorView up = step.workspace.take(tokens, weights.up_proj.out_features());
  const std::array<Projection, 2> projections = {{
      {.weight = weights.gate_proj.weight, .bias = weights.gate_proj.bias, .out = gate},
      {.weight = weights.up_proj.weight, .bias = weights.up_proj.bias, .out = up},
  }};
  step.backend.linear({.x = x, .projections = projections});
  step.backend.silu_mul({.gate = gate, .up = up, .out = gate});
  add_linear(step, weights.down_proj, gate, out);
}

}  // namespace bora
