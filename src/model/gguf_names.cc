#include "model/gguf_names.h"

#include <array>

namespace bora {
namespace {

struct NamePair {
  std::string_view hugging_face;
  std::string_view gguf;
};

constexpr std::string_view kLayers = "model.layers.";

// Without ".weight" or ".bias", which are the same in both.
constexpr std::array kModelNames = {
    NamePair{"model.embed_tokens", "token_embd"},
    NamePair{"model.norm", "output_norm"},
    NamePair{"lm_head", "output"},
};

constexpr std::array kLayerNames = {
    NamePair{"input_layernorm", "attn_norm"},
    NamePair{"self_attn.q_proj", "attn_q"},
    NamePair{"self_attn.k_proj", "attn_k"},
    NamePair{"self_attn.v_proj", "attn_v"},
    NamePair{"self_attn.qkv_proj", "attn_qkv"},
    NamePair{"self_attn.q_norm", "attn_q_norm"},
    NamePair{"self_attn.k_norm", "attn_k_norm"},
    NamePair{"self_attn.o_proj", "attn_output"},
    NamePair{"post_attention_layernorm", "ffn_norm"},
    NamePair{"mlp.gate_proj", "ffn_gate"},
    NamePair{"mlp.up_proj", "ffn_up"},
    NamePair{"mlp.down_proj", "ffn_down"},
    NamePair{"mlp.gate_up_proj", "ffn_up"},
};

template <std::size_t N>
std::string translated(const std::array<NamePair, N>& pairs, std::string_view name) {
  for (const NamePair& pair : pairs) {
    if (pair.hugging_face == name) return std::string(pair.gguf);
  }
  return std::string(name);
}

}  // namespace

std::string gguf_tensor_name(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return std::string(name);
  const std::string kind(name.substr(dot));
  name = name.substr(0, dot);
  if (!name.starts_with(kLayers)) return translated(kModelNames, name) + kind;
  name.remove_prefix(kLayers.size());
  const std::size_t end_of_number = name.find('.');
  if (end_of_number == std::string_view::npos)
    return std::string(kLayers) + std::string(name) + kind;
  return "blk." + std::string(name.substr(0, end_of_number + 1)) +
         translated(kLayerNames, name.substr(end_of_number + 1)) + kind;
}

}  // namespace bora
