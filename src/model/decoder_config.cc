#include "model/decoder_config.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bora {
namespace {

// Far above any published model, low enough that products of two of them fit into size_t and that
// a hostile config cannot ask for work without end.
constexpr std::size_t kMaxHidden = std::size_t{1} << 20;
constexpr std::size_t kMaxLayers = 1 << 14;
constexpr std::size_t kMaxHeads = 1 << 14;
constexpr std::size_t kMaxVocabulary = std::size_t{1} << 24;

void read_heads(ConfigReader& reader, const DecoderDialect& dialect, ModelConfig& config) {
  config.num_attention_heads = reader.count("num_attention_heads", kMaxHeads);
  const bool by_default = dialect.num_key_value_heads != 0 && !reader.is_gguf() &&
                          reader.is_absent("num_key_value_heads");
  config.num_key_value_heads =
      reader.count("num_key_value_heads", kMaxHeads,
                   by_default ? dialect.num_key_value_heads : config.num_attention_heads);
  reader.expect(config.num_attention_heads % config.num_key_value_heads == 0, "num_key_value_heads",
                "a divisor of num_attention_heads " + std::to_string(config.num_attention_heads));
  std::size_t head_dim = reader.is_gguf() || !reader.is_absent("head_dim") ? 0 : dialect.head_dim;
  if (!reader.has("head_dim") && head_dim == 0) {
    reader.expect(config.hidden_size % config.num_attention_heads == 0, "num_attention_heads",
                  "a divisor of hidden_size " + std::to_string(config.hidden_size));
    head_dim = std::max(config.hidden_size / config.num_attention_heads, std::size_t{1});
  }
  config.head_dim = reader.count("head_dim", kMaxHeadDim, head_dim);
  reader.expect(config.head_dim % 2 == 0,
                reader.has("head_dim") ? "head_dim" : "num_attention_heads",
                "heads of an even size");
}

void read_activation(ConfigReader& reader, const DecoderDialect& dialect) {
  switch (dialect.activation) {
    case Activation::kSilu:
      reader.choice(dialect.activation_key, {"silu", "swish"}, "silu");
      break;
    case Activation::kGeluTanh:
      reader.choice(dialect.activation_key, {"gelu_pytorch_tanh"}, "gelu_pytorch_tanh");
      break;
  }
}

void read_special_tokens(ConfigReader& reader, ModelConfig& config) {
  const std::vector<TokenId> bos = reader.token_ids("bos_token_id", config.vocab_size);
  if (!bos.empty()) config.bos_token_id = bos.front();
  config.eos_token_ids = reader.token_ids("eos_token_id", config.vocab_size);
  if (!reader.is_gguf()) return;
  for (const TokenId id : reader.token_ids("eot_token_id", config.vocab_size)) {
    config.eos_token_ids.push_back(id);
  }
}

}  // namespace

ModelConfig read_decoder_config(ConfigReader& reader, const DecoderDialect& dialect) {
  ModelConfig config;
  config.hidden_act = dialect.activation;
  config.hidden_size = reader.count("hidden_size", kMaxHidden);
  config.intermediate_size = reader.count("intermediate_size", kMaxHidden);
  config.num_hidden_layers = reader.count("num_hidden_layers", kMaxLayers);
  std::optional<std::size_t> entries;
  if (reader.vocabulary_entries() > 0) entries = reader.vocabulary_entries();
  config.vocab_size = reader.count("vocab_size", kMaxVocabulary, entries);
  config.max_position_embeddings = reader.count("max_position_embeddings", kMaxPositions);
  config.rms_norm_eps =
      static_cast<float>(reader.number("rms_norm_eps", 0.0, 1.0, dialect.rms_norm_eps));
  read_heads(reader, dialect, config);
  read_rope(reader, dialect.rope, config);
  if (!reader.is_gguf()) {
    read_activation(reader, dialect);
    config.tie_word_embeddings = reader.flag("tie_word_embeddings", dialect.tie_word_embeddings);
  }
  read_special_tokens(reader, config);
  return config;
}

void read_experts(ConfigReader& reader, ModelConfig& config) {
  // Over all layers: an expert takes three look-ups by name.
  constexpr std::size_t kMaxExperts = 1 << 16;
  // Where a key is absent, as transformers has it.
  constexpr std::size_t kDefaultExperts = 8;
  constexpr std::size_t kDefaultChosen = 2;
  config.num_local_experts = reader.count("num_local_experts", kMaxExperts, kDefaultExperts);
  reader.expect(config.num_local_experts <= kMaxExperts / config.num_hidden_layers,
                "num_local_experts", "at most " + std::to_string(kMaxExperts) + " in all layers");
  config.num_experts_per_tok =
      reader.count("num_experts_per_tok", config.num_local_experts, kDefaultChosen);
}

void read_sliding_layers(ConfigReader& reader, std::vector<bool> otherwise, ModelConfig& config) {
  constexpr std::string_view kSliding = "sliding_attention";
  const auto types = reader.choices("layer_types", {kSliding, "full_attention"});
  config.sliding_layers = std::move(otherwise);
  if (types.empty()) return;
  reader.expect(types.size() == config.num_hidden_layers, "layer_types",
                std::to_string(config.num_hidden_layers) + " of them");
  config.sliding_layers.assign(config.num_hidden_layers, false);
  for (std::size_t i = 0; i < std::min(types.size(), config.num_hidden_layers); ++i) {
    config.sliding_layers[i] = types[i] == kSliding;
  }
}

void read_upper_window(ConfigReader& reader, ModelConfig& config) {
  // Where a key is absent, as transformers has it.
  constexpr std::size_t kDefaultWindow = 4096;
  constexpr double kDefaultFirst = 28;
  if (!reader.flag("use_sliding_window", false)) return;
  if (reader.has("sliding_window")) {
    config.sliding_window = reader.count("sliding_window", kMaxPositions);
  } else if (reader.is_absent("sliding_window")) {
    config.sliding_window = kDefaultWindow;
  }
  const double first = reader.number("max_window_layers", 0.0, kMaxLayers, kDefaultFirst);
  std::vector<bool> upper;
  for (std::size_t i = 0; i < config.num_hidden_layers; ++i) {
    upper.push_back(static_cast<double>(i) >= first);
  }
  read_sliding_layers(reader, std::move(upper), config);
}

}  // namespace bora
