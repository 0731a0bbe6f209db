#include "model/mlp.h"

#include <fmt/format.h>

#include <array>

namespace bora {

namespace {

// Rows of gate and up, one after the other.
MlpWeights bind_fused_mlp(WeightBinder& binder, std::string_view prefix,
                          const ModelConfig& config) {
  const std::size_t size = config.intermediate_size;
  const auto parts = binder.linears(fmt::format("{}.gate_up_proj.weight", prefix),
                                    {2 * size, config.hidden_size}, std::array{size, size});
  return {.gate_proj = {.weight = parts[0], .bias = {}},
          .up_proj = {.weight = parts[1], .bias = {}},
          .down_proj = bind_linear(binder, fmt::format("{}.down_proj", prefix), config.hidden_size,
                                   config.intermediate_size, false),
          .activation = config.hidden_act};
}

}  // namespace

MlpWeights bind_mlp(WeightBinder& binder, std::string_view prefix, const ModelConfig& config) {
  if (config.fused_projections) return bind_fused_mlp(binder, prefix, config);
  const auto bind = [&](std::string_view name, std::size_t out, std::size_t in) {
    return bind_linear(binder, fmt::format("{}.{}", prefix, name), out, in, config.mlp_bias);
  };
  return {.gate_proj = bind("gate_proj", config.intermediate_size, config.hidden_size),
          .up_proj = bind("up_proj", config.intermediate_size, config.hidden_size),
          .down_proj = bind("down_proj", config.hidden_size, config.intermediate_size),
          .activation = config.hidden_act};
}

MutableTensorView gated(const Step& step, const MlpWeights& weights, TensorView x) {
  const std::size_t tokens = x.shape.rows();
  const MutableTensorView gate = step.workspace.take(tokens, weights.gate_proj.out_features());
  const MutableTensorView up = step.workspace.take(tokens, weights.up_proj.out_features());
  const std::array<Projection, 2> projections = {{
      {.weight = weights.gate_proj.weight, .bias = weights.gate_proj.bias, .out = gate},
      {.weight = weights.up_proj.weight, .bias = weights.up_proj.bias, .out = up},
  }};
  step.backend.linear({.x = x, .projections = projections});
  switch (weights.activation) {
    case Activation::kSilu:
      step.backend.silu_mul({.gate = gate, .up = up, .out = gate});
      break;
    case Activation::kGeluTanh:
      step.backend.gelu_mul({.gate = gate, .up = up, .out = gate});
      break;
  }
  return gate;
}

void add_mlp(const Step& step, const MlpWeights& weights, TensorView x, MutableTensorView out) {
  add_linear(step, weights.down_proj, gated(step, weights, x), out);
}

}  // namespace bora
