#include "model/products.h"

namespace bora {
namespace {

void add(const TensorView& weight, bool for_logits, std::vector<Product>& to) {
  to.push_back({.dtype = weight.dtype, .values = weight.shape.values(), .for_logits = for_logits});
}

}  // namespace

void add_products(const AttentionWeights& weights, bool last_layer, std::vector<Product>& to) {
  add(weights.q_proj.weight, false, to);
  add(weights.k_proj.weight, false, to);
  add(weights.v_proj.weight, false, to);
  add(weights.o_proj.weight, last_layer, to);
}

void add_products(const MlpWeights& weights, bool last_layer, std::vector<Product>& to) {
  add(weights.gate_proj.weight, last_layer, to);
  add(weights.up_proj.weight, last_layer, to);
  add(weights.down_proj.weight, last_layer, to);
}

void add_products(const MoeWeights& weights, bool last_layer, std::vector<Product>& to) {
  add(weights.router, last_layer, to);
  for (std::size_t i = 0; i < weights.chosen; ++i) {  // experts are of one size
    add_products(weights.experts[i], last_layer, to);
  }
}

void add_logits_product(const TensorView& lm_head, std::vector<Product>& to) {
  add(lm_head, true, to);
}

}  // namespace bora
