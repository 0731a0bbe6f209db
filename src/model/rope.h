// The turning speeds of rotary position embeddings, computed once at load.
#pragma once

#include "base/result.h"
#include "model/model_config.h"
#include "tensor/tensor_view.h"

#include <vector>

namespace bora {

struct Rope {
  std::vector<float> inverse_frequencies;  // [head_dim / 2], radians per position
  RopeStyle style = RopeStyle::kHalves;
};

// theta^(-2i / D), slowed down as config.rope_scaling says. `divisors` [D / 2] f32, where not
// empty, divides them instead (GGUF's rope_freqs.weight, in which a converter has written the same
// scaling). Steps are rounded to float32 as transformers rounds them. Errors: kBadModel for a
// divisor that is not a positive number.
Result<Rope> make_rope(const ModelConfig& config, TensorView divisors);

}  // namespace bora
