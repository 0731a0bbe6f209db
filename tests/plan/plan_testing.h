// Models that are nothing but numbers, for plans.
#pragma once

#include "backend/cpu/cpu_backend.h"
#include "model/model.h"

#include <memory>
#include <utility>

namespace bora::testing {

class PaperModel final : public Model {
 public:
  explicit PaperModel(ModelConfig config, std::size_t weight_bytes = 0)
      : Model(std::move(config), weights_of(weight_bytes)) {}

  void forward(Backend& /*backend*/, const ForwardBatch& /*batch*/, const KvCache& /*cache*/,
               Workspace& /*workspace*/, MutableTensorView /*logits*/) const override {}

  [[nodiscard]] std::size_t workspace_values(std::size_t tokens) const override {
    return tokens * (5 * config().hidden_size + 2 * config().intermediate_size);
  }

 private:
  static BoundWeights weights_of(std::size_t bytes) {
    static const std::byte somewhere{};
    BoundWeights weights;
    weights.in_use_order.push_back({&somewhere, DType::kBF16, Shape{bytes / 2}});
    return weights;
  }
};

// Mistral-7B-v0.1.
inline ModelConfig mistral_config() {
  ModelConfig config;
  config.architecture = "mistral";
  config.hidden_size = 4096;
  config.intermediate_size = 14336;
  config.num_hidden_layers = 32;
  config.num_attention_heads = 32;
  config.num_key_value_heads = 8;
  config.head_dim = 128;
  config.vocab_size = 32000;
  config.max_position_embeddings = 32768;
  config.sliding_window = 4096;
  return config;
}

inline std::unique_ptr<Backend> one_thread() {
  return *make_cpu_backend({.threads = 1, .isa = std::nullopt});
}

inline constexpr std::size_t kGiB = std::size_t{1} << 30;
inline constexpr std::size_t kMiB = std::size_t{1} << 20;

}  // namespace bora::testing
