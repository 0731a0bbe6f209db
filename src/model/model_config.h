// ModelConfig: the numbers that shape a model, spelled as Hugging Face's config.json spells them.
//
// Read from config.json or from GGUF metadata through a ConfigReader (config_reader.h), one parse
// function an architecture (arch/<name>.cc). A config that came out of read_model_config() is
// whole: every count is positive and within kConfigLimits, heads divide, so products of two of them
// fit into size_t. A plain value; no owner.
#pragma once

#include "backend/backend.h"
#include "base/ids.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace bora {

// How positions beyond the trained ones are reached by turning slower.
struct RopeScaling {
  // kLinear: https://arxiv.org/abs/2306.15595. kLlama3: by bands of wave lengths, Llama 3.1
  // (https://arxiv.org/abs/2407.21783). kLongRope: a factor for each pair of a head, searched, one
  // list for contexts up to the original one and one for those beyond
  // (https://arxiv.org/abs/2402.13753).
  enum class Kind { kNone, kLinear, kLlama3, kLongRope };

  Kind kind = Kind::kNone;
  double factor = 1.0;                               // kLinear, kLlama3
  double low_freq_factor = 1.0;                      // kLlama3
  double high_freq_factor = 4.0;                     // kLlama3
  double original_max_position_embeddings = 8192.0;  // kLlama3, kLongRope
  double attention_factor = 1.0;                     // kLongRope: multiplies cos and sin
  std::vector<float> short_factors = {};             // kLongRope: [rotary_dim / 2]; empty in GGUF
  std::vector<float> long_factors = {};              //   files, which have tensors of them
};

// What a gated MLP does to its gate.
enum class Activation { kSilu, kGeluTanh };

struct ModelConfig {
  std::string architecture;  // ArchSpec::name, "llama"
  std::size_t hidden_size = 0;
  std::size_t intermediate_size = 0;
  std::size_t num_hidden_layers = 0;
  std::size_t num_attention_heads = 0;
  std::size_t num_key_value_heads = 0;
  std::size_t head_dim = 0;
  std::size_t rotary_dim = 0;  // the first values of a head, which turn; even
  std::size_t vocab_size = 0;
  std::size_t max_position_embeddings = 0;
  float rms_norm_eps = 0.0F;
  Activation hidden_act = Activation::kSilu;
  double rope_theta = 10000.0;
  RopeScaling rope_scaling;
  RopeStyle rope_style = RopeStyle::kHalves;
  std::size_t sliding_window = 0;    // positions seen, the query's own included; 0: all
  std::vector<bool> sliding_layers;  // [layers], which of them have the window; empty: all
  bool tie_word_embeddings = false;
  bool attention_bias = false;           // q, k and v
  bool attention_output_bias = false;    // o
  bool mlp_bias = false;                 // gate, up and down
  bool qk_norm = false;                  // each head of q and k is normed before it turns
  bool fused_projections = false;        // one tensor holds q, k and v, another one gate and up
  double query_pre_attn_scalar = 0.0;    // scores are divided by its root; 0: by head_dim's
  double attn_logit_softcapping = 0.0;   // of scores; 0: none
  double final_logit_softcapping = 0.0;  // of logits; 0: none
  std::size_t num_local_experts = 0;     // 0: one MLP a layer
  std::size_t num_experts_per_tok = 0;   // at most num_local_experts
  std::optional<TokenId> bos_token_id;
  std::vector<TokenId> eos_token_ids;  // any of them ends an answer; may be empty

  // The context to make where nobody asks for one. With LongRoPE it is the original one, if that is
  // of some use: within it positions turn as they did in training, and as transformers turns them.
  [[nodiscard]] std::size_t usual_context() const {
    constexpr double kUseful = 1024.0;
    const double original = rope_scaling.original_max_position_embeddings;
    const bool short_enough = rope_scaling.kind == RopeScaling::Kind::kLongRope &&
                              original >= kUseful &&
                              original < static_cast<double>(max_position_embeddings);
    return short_enough ? static_cast<std::size_t>(original) : max_position_embeddings;
  }

  // The window of one layer.
  [[nodiscard]] std::size_t window_of(std::size_t layer) const {
    return sliding_layers.empty() || sliding_layers[layer] ? sliding_window : 0;
  }
};

}  // namespace bora
