// What GGUF calls the tensors that Hugging Face names otherwise.
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
#pragma once

#include <string>
#include <string_view>

namespace bora {

// "model.layers.3.self_attn.q_proj.weight" -> "blk.3.attn_q.weight". A name that has no translation
// is given back as it is.
std::string gguf_tensor_name(std::string_view name);

}  // namespace bora
