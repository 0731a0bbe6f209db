#include "model/gguf_names.h"

#include <array>
#include <optional>

namespace bora {
namespace {

constexpr std::string_view kLayers = "model.layers.";
constexpr std::string_view kExperts = "block_sparse_moe.experts.";

// Without ".weight" or ".bias", which are the same in both.
constexpr std::array kModelNames = {
    GgufName{"model.embed_tokens", "token_embd"},
    GgufName{"model.norm", "output_norm"},
    GgufName{"lm_head", "output"},
};

constexpr std::array kLayerNames = {
    GgufName{"input_layernorm", "attn_norm"},
    GgufName{"self_attn.q_proj", "attn_q"},
    GgufName{"self_attn.k_proj", "attn_k"},
    GgufName{"self_attn.v_proj", "attn_v"},
    GgufName{"self_attn.qkv_proj", "attn_qkv"},
    GgufName{"self_attn.q_norm", "attn_q_norm"},
    GgufName{"self_attn.k_norm", "attn_k_norm"},
    GgufName{"self_attn.o_proj", "attn_output"},
    GgufName{"post_attention_layernorm", "ffn_norm"},
    GgufName{"pre_feedforward_layernorm", "ffn_norm"},
    GgufName{"post_feedforward_layernorm", "post_ffw_norm"},
    GgufName{"mlp.gate_proj", "ffn_gate"},
    GgufName{"mlp.up_proj", "ffn_up"},
    GgufName{"mlp.gate_up_proj", "ffn_up"},
    GgufName{"mlp.down_proj", "ffn_down"},
    GgufName{"block_sparse_moe.gate", "ffn_gate_inp"},
    GgufName{"block_sparse_moe.experts.w1", "ffn_gate_exps"},  // of all experts
    GgufName{"block_sparse_moe.experts.w2", "ffn_down_exps"},
    GgufName{"block_sparse_moe.experts.w3", "ffn_up_exps"},
};

// Of one expert, as old files have them: "3.w1" -> "ffn_gate.3".
constexpr std::array kExpertNames = {
    GgufName{"w1", "ffn_gate"},
    GgufName{"w2", "ffn_down"},
    GgufName{"w3", "ffn_up"},
};

std::optional<std::string> translated(std::span<const GgufName> pairs, std::string_view name) {
  for (const GgufName& pair : pairs) {
    if (pair.hugging_face == name) return std::string(pair.gguf);
  }
  return std::nullopt;
}

std::optional<std::string> expert_name(std::string_view name) {
  if (!name.starts_with(kExperts)) return std::nullopt;
  name.remove_prefix(kExperts.size());
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto kind = translated(kExpertNames, name.substr(dot + 1));
  if (!kind) return std::nullopt;
  return *kind + "." + std::string(name.substr(0, dot));
}

std::string layer_name(std::string_view name, std::span<const GgufName> exceptions) {
  if (const auto exception = translated(exceptions, name)) return *exception;
  if (const auto common = translated(kLayerNames, name)) return *common;
  return expert_name(name).value_or(std::string(name));
}

}  // namespace

std::string gguf_tensor_name(std::string_view name, std::span<const GgufName> exceptions) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return std::string(name);
  const std::string kind(name.substr(dot));
  name = name.substr(0, dot);
  if (!name.starts_with(kLayers)) {
    return translated(kModelNames, name).value_or(std::string(name)) + kind;
  }
  name.remove_prefix(kLayers.size());
  const std::size_t end_of_number = name.find('.');
  if (end_of_number == std::string_view::npos)
    return std::string(kLayers) + std::string(name) + kind;
  return "blk." + std::string(name.substr(0, end_of_number + 1)) +
         layer_name(name.substr(end_of_number + 1), exceptions) + kind;
}

}  // namespace bora
