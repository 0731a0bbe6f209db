#include "model/moe.h"

#include <fmt/format.h>

#include <cstdint>
#include <span>
#include <string>

namespace bora {
namespace {

// What Hugging Face calls an expert's gate, up and down.
constexpr std::string_view kGate = "w1";
constexpr std::string_view kUp = "w3";
constexpr std::string_view kDown = "w2";

// One projection of all experts, [out, in] each.
std::vector<Linear> bind_experts(WeightBinder& binder, std::string_view prefix,
                                 std::string_view name, std::size_t experts, Shape shape) {
  std::vector<Linear> linears;
  const std::string stacked = fmt::format("{}.experts.{}.weight", prefix, name);
  if (binder.has(stacked)) {
    const std::vector<std::size_t> rows(experts, shape[0]);
    for (const TensorView& weight : binder.linears(stacked, {experts, shape[0], shape[1]}, rows)) {
      linears.push_back({.weight = weight, .bias = {}});
    }
    return linears;
  }
  for (std::size_t e = 0; e < experts; ++e) {
    const std::string expert = fmt::format("{}.experts.{}.{}", prefix, e, name);
    linears.push_back(bind_linear(binder, expert, shape[0], shape[1], false));
  }
  return linears;
}

// The tokens of each expert, expert after expert, and how much its output counts for them.
struct Assignment {
  std::span<std::int32_t> tokens;  // [T * K]
  MutableTensorView weights;       // [T * K]
};

float* floats(const MutableTensorView& view) { return reinterpret_cast<float*>(view.data); }

// Appends the tokens that `expert` computes at `begin`; returns where they end.
std::size_t assign(std::span<const std::int32_t> experts, const float* weights, std::size_t chosen,
                   std::int32_t expert, std::size_t begin, const Assignment& to) {
  for (std::size_t i = 0; i < experts.size(); ++i) {
    if (experts[i] != expert) continue;
    to.tokens[begin] = static_cast<std::int32_t>(i / chosen);
    floats(to.weights)[begin] = weights[i];
    ++begin;
  }
  return begin;
}

TensorView part_of(const MutableTensorView& values, std::size_t begin, std::size_t count) {
  return {values.data + begin * sizeof(float), values.dtype, {count}};
}

}  // namespace

MoeWeights bind_moe(WeightBinder& binder, std::string_view prefix, const ModelConfig& config) {
  const std::size_t experts = config.num_local_experts;
  const Shape widening = {config.intermediate_size, config.hidden_size};
  const Shape narrowing = {config.hidden_size, config.intermediate_size};
  MoeWeights weights;
  weights.chosen = config.num_experts_per_tok;
  weights.router =
      binder.linear(fmt::format("{}.gate.weight", prefix), experts, config.hidden_size);
  const auto gate = bind_experts(binder, prefix, kGate, experts, widening);
  const auto up = bind_experts(binder, prefix, kUp, experts, widening);
  const auto down = bind_experts(binder, prefix, kDown, experts, narrowing);
  for (std::size_t e = 0; e < experts; ++e) {
    weights.experts.push_back({.gate_proj = gate[e],
                               .up_proj = up[e],
                               .down_proj = down[e],
                               .activation = config.hidden_act});
  }
  return weights;
}

std::size_t moe_workspace_values(const ModelConfig& config, std::size_t tokens) {
  const std::size_t chosen = config.num_experts_per_tok;
  // The router's logits; experts and shares, token by token and then expert by expert; an expert's
  // input, gate, up and output.
  return Workspace::values_for(
      tokens, {config.num_local_experts, chosen, chosen, chosen, chosen, config.hidden_size,
               config.intermediate_size, config.intermediate_size, config.hidden_size});
}

std::size_t idle_bytes(const MoeWeights& weights) {
  std::size_t bytes = 0;
  for (const MlpWeights& expert : weights.experts) {
    bytes += expert.gate_proj.weight.bytes() + expert.up_proj.weight.bytes() +
             expert.down_proj.weight.bytes();
  }
  return bytes / weights.experts.size() * (weights.experts.size() - weights.chosen);
}

void add_moe(const Step& step, const MoeWeights& weights, TensorView x, MutableTensorView out) {
  const std::size_t tokens = x.shape.rows();
  const std::size_t routes = tokens * weights.chosen;
  const MutableTensorView logits = apply_linear(step, {.weight = weights.router, .bias = {}}, x);
  const std::span<std::int32_t> experts = step.workspace.take_ids(routes);
  const MutableTensorView shares = step.workspace.take(tokens, weights.chosen);
  step.backend.route(
      {.logits = logits, .chosen = weights.chosen, .experts = experts, .weights = shares});
  step.backend.synchronize();  // how many tokens an expert has is known here

  const Assignment assigned = {.tokens = step.workspace.take_ids(routes),
                               .weights = step.workspace.take(tokens, weights.chosen)};
  const std::size_t mark = step.workspace.mark();
  std::size_t begin = 0;
  for (std::size_t e = 0; e < weights.experts.size(); ++e) {
    const std::size_t end = assign(experts, floats(shares), weights.chosen,
                                   static_cast<std::int32_t>(e), begin, assigned);
    const std::size_t count = end - begin;
    if (count == 0) continue;
    step.workspace.rewind(mark);
    const std::span<const std::int32_t> rows = assigned.tokens.subspan(begin, count);
    const MutableTensorView mine = step.workspace.take(count, x.shape.columns());
    step.backend.embed({.table = x, .ids = rows, .out = mine});
    const MlpWeights& expert = weights.experts[e];
    step.backend.add_rows({.x = apply_linear(step, expert.down_proj, gated(step, expert, mine)),
                           .rows = rows,
                           .weights = part_of(assigned.weights, begin, count),
                           .out = out});
    begin = end;
  }
}

}  // namespace bora
