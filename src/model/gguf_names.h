// What GGUF calls the tensors that Hugging Face names otherwise.
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace bora {

// What one architecture's layers call something that most call otherwise, both without the layer
// and without ".weight": {"post_attention_layernorm", "post_attention_norm"}.
struct GgufName {
  std::string_view hugging_face;
  std::string_view gguf;
};

// "model.layers.3.self_attn.q_proj.weight" -> "blk.3.attn_q.weight". A name that has no translation
// is given back as it is. `exceptions` go first.
std::string gguf_tensor_name(std::string_view name, std::span<const GgufName> exceptions = {});

}  // namespace bora
