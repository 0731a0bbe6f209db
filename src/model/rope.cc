#include "model/rope.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <numbers>

namespace bora {
namespace {

// Llama 3.1: wave lengths beyond the trained context turn `factor` times slower, those well within
// it are left alone, and in between it goes over smoothly.
// https://github.com/meta-llama/llama-models (models/llama3/model.py, apply_scaling)
float llama3_scaled(float frequency, const RopeScaling& scaling) {
  const double wave_length = 2.0 * std::numbers::pi / static_cast<double>(frequency);
  const double longest_kept = scaling.original_max_position_embeddings / scaling.high_freq_factor;
  const double shortest_slowed = scaling.original_max_position_embeddings / scaling.low_freq_factor;
  const double slowed = static_cast<double>(frequency) / scaling.factor;
  if (wave_length < longest_kept) return frequency;
  if (wave_length > shortest_slowed) return static_cast<float>(slowed);
  const double smooth =
      (scaling.original_max_position_embeddings / wave_length - scaling.low_freq_factor) /
      (scaling.high_freq_factor - scaling.low_freq_factor);
  return static_cast<float>((1.0 - smooth) * slowed + smooth * static_cast<double>(frequency));
}

float scaled(float frequency, const RopeScaling& scaling) {
  switch (scaling.kind) {
    case RopeScaling::Kind::kNone:
      return frequency;
    case RopeScaling::Kind::kLinear:
      return static_cast<float>(static_cast<double>(frequency) / scaling.factor);
    case RopeScaling::Kind::kLlama3:
      return llama3_scaled(frequency, scaling);
  }
  return frequency;
}

}  // namespace

Result<Rope> make_rope(const ModelConfig& config, TensorView divisors) {
  Rope rope;
  rope.style = config.rope_style;
  const auto theta = static_cast<float>(config.rope_theta);
  for (std::size_t i = 0; i < config.head_dim / 2; ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(config.head_dim);
    float frequency = scaled(1.0F / std::pow(theta, exponent), config.rope_scaling);
    if (!divisors.empty()) {
      float divisor = 0.0F;  // a GGUF tensor need not be aligned
      std::memcpy(&divisor, divisors.data + i * sizeof(float), sizeof(float));
      if (!(divisor > 0.0F) || !std::isfinite(divisor)) {
        return Error{
            ErrorCode::kBadModel,
            fmt::format("rope_freqs.weight: expected positive numbers, found {} at {}", divisor, i),
            {}};
      }
      frequency /= divisor;
    }
    rope.inverse_frequencies.push_back(frequency);
  }
  return rope;
}

}  // namespace bora
