// The sparse mixture of experts of Mixtral (https://arxiv.org/abs/2401.04088): a router sends each
// token to a few of the experts, each an MLP, and their outputs are added up by its weights.
//
// An expert computes the tokens that chose it in one go; each of their rows has the arithmetic of
// linear() and is added in the order of the experts' numbers, so a token's bits do not depend on
// which others there are.
#pragma once

#include "model/mlp.h"
#include "model/model_config.h"
#include "model/step.h"

#include <cstddef>
#include <string_view>
#include <vector>

namespace bora {

struct MoeWeights {
  TensorView router;  // [experts, H]
  std::vector<MlpWeights> experts;
  std::size_t chosen = 0;  // experts a token
};

// PREFIX is "model.layers.0.block_sparse_moe". An expert's tensors lie apart, or those of all in
// one (GGUF).
MoeWeights bind_moe(WeightBinder& binder, std::string_view prefix, const ModelConfig& config);

// What add_moe() takes of the workspace.
std::size_t moe_workspace_values(const ModelConfig& config, std::size_t tokens);

// Bytes of the experts that a token does not choose.
std::size_t idle_bytes(const MoeWeights& weights);

// out [T, H] += the block of x [T, H].
void add_moe(const Step& step, const MoeWeights& weights, TensorView x, MutableTensorView out);

}  // namespace bora
