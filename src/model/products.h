// What a forward pass multiplies with a token's activations: Model::products(). After the attention
// of the last layer only tokens whose logits are wanted go on.
#pragma once

#include "model/attention.h"
#include "model/mlp.h"
#include "model/model.h"
#include "model/moe.h"

#include <vector>

namespace bora {

// Each adds its products to `to`.
void add_products(const AttentionWeights& weights, bool last_layer, std::vector<Product>& to);
void add_products(const MlpWeights& weights, bool last_layer, std::vector<Product>& to);
void add_products(const MoeWeights& weights, bool last_layer, std::vector<Product>& to);
void add_logits_product(const TensorView& lm_head, std::vector<Product>& to);

}  // namespace bora
