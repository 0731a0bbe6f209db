// The turning speeds of rotary position embeddings, computed once at load.
#pragma once

#include "base/result.h"
#include "model/model_config.h"
#include "model/weight_binder.h"
#include "tensor/tensor_view.h"

#include <cstddef>
#include <span>
#include <vector>

namespace bora {

struct Rope {
  std::vector<float> inverse_frequencies;  // [rotary_dim / 2], radians per position
  // LongRoPE: those for contexts of more than original_context positions; else empty.
  std::vector<float> long_inverse_frequencies;
  std::size_t original_context = 0;
  float attention_factor = 1.0F;  // multiplies cos and sin
  RopeStyle style = RopeStyle::kHalves;

  // Those for sequences that may reach `context` positions. Where transformers looks at the length
  // that a sequence has so far, and turns what comes later otherwise than what lies in its cache,
  // here the whole context has one speed from its first position on.
  [[nodiscard]] std::span<const float> speeds(std::size_t context) const {
    const bool is_long = !long_inverse_frequencies.empty() && context > original_context;
    return is_long ? long_inverse_frequencies : inverse_frequencies;
  }
};

// What a GGUF file keeps in tensors [rotary_dim / 2] f32; empty where it has none, and for Hugging
// Face.
struct RopeTensors {
  TensorView divisors = {};  // Llama 3.1's scaling, written out
  TensorView short_factors = {};
  TensorView long_factors = {};
};

RopeTensors bind_rope(WeightBinder& binder, const ModelConfig& config);

// theta^(-2i / rotary_dim), slowed down as config.rope_scaling says, or as the tensors do. Steps
// are rounded to float32 as transformers rounds them. Errors: kBadModel for a tensor that is not
// of f32 or has a divisor that is not a positive number.
Result<Rope> make_rope(const ModelConfig& config, const RopeTensors& tensors);

}  // namespace bora
