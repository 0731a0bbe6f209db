// What decoder-only architectures with one norm before each half of a layer share: their weights,
// names included, and the room their activations take. How the parts are put together is said by
// arch/<name>.cc.
#pragma once

#include "model/attention.h"
#include "model/mlp.h"
#include "model/model_config.h"
#include "model/weight_binder.h"
#include "tensor/tensor_view.h"

#include <cstddef>
#include <string_view>
#include <vector>

namespace bora {

struct DecoderLayer {
  TensorView input_layernorm;  // [H]
  AttentionWeights self_attn;
  TensorView post_attention_layernorm;  // [H], before the MLP
  MlpWeights mlp;
};

struct DecoderWeights {
  TensorView embed_tokens;   // [vocab, H]
  TensorView rope_divisors;  // [D / 2], of a GGUF file with scaled rotary positions; else empty
  std::vector<DecoderLayer> layers;
  TensorView norm;     // [H]
  TensorView lm_head;  // [vocab, H]; embed_tokens where they are tied
};

// The name GGUF gives to rope_divisors; Hugging Face has no such tensor.
inline constexpr std::string_view kRopeDivisors = "rope_freqs.weight";

DecoderWeights bind_decoder(WeightBinder& binder, const ModelConfig& config);

// Values the workspace needs where a layer takes its activations once and all layers reuse them.
std::size_t decoder_workspace_values(const ModelConfig& config, std::size_t tokens);

}  // namespace bora
