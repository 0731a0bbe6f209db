// The decoder of Llama and of those built like it (https://arxiv.org/abs/2302.13971): a norm before
// each half of a layer, rotary positions, grouped queries, SwiGLU. An architecture that differs in
// sizes, switches or names only is a config for it (arch/<name>.cc); one whose layer differs puts
// the blocks of step.h, attention.h and mlp.h together in a forward pass of its own.
#pragma once

#include "base/result.h"
#include "model/model.h"
#include "model/model_config.h"
#include "model/weight_binder.h"

#include <memory>

namespace bora {

// Asks the binder for every weight, by the names of Hugging Face's LlamaForCausalLM, and makes the
// model: ArchSpec::bind_weights, and its errors.
Result<std::unique_ptr<Model>> bind_decoder(ModelConfig config, WeightBinder& binder);

}  // namespace bora
