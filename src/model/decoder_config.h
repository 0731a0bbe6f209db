// The part of a config that decoder-only models share.
#pragma once

#include "model/config_reader.h"
#include "model/model_config.h"
#include "model/rope_config.h"

#include <cstddef>
#include <string_view>
#include <vector>

namespace bora {

// Where an architecture's config differs from Llama's: what it takes where config.json lacks a key,
// as transformers has it, and what else it may say.
struct DecoderDialect {
  std::size_t num_key_value_heads = 0;  // 0: as many as there are attention heads
  std::size_t head_dim = 0;             // 0: hidden_size / num_attention_heads
  double rms_norm_eps = 1e-6;
  bool tie_word_embeddings = false;
  std::string_view activation_key = "hidden_act";
  Activation activation = Activation::kSilu;  // the one it has
  RopeDialect rope{};
};

// Sizes, heads, norm epsilon, activation, rotary positions, tied embeddings, special tokens; in
// config.json both rope_theta with rope_scaling and the rope_parameters of transformers 5. What an
// architecture may have or not (a window, biases) keeps its default. Failures are the reader's.
ModelConfig read_decoder_config(ConfigReader& reader, const DecoderDialect& dialect = {});

// The number of experts and how many of them compute a token.
void read_experts(ConfigReader& reader, ModelConfig& config);

// Which layers have the window of config.sliding_window: those that config.json's layer_types names
// so, else those of `otherwise` [layers].
void read_sliding_layers(ConfigReader& reader, std::vector<bool> otherwise, ModelConfig& config);

// The window of config.json where use_sliding_window turns it on, for the layers from
// max_window_layers on or those of layer_types.
void read_upper_window(ConfigReader& reader, ModelConfig& config);

}  // namespace bora
