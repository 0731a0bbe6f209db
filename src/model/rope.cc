#include "model/rope.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <numbers>
#include <string_view>
#include <utility>

namespace bora {
namespace {

// Names that GGUF gives; Hugging Face has no such tensors.
constexpr std::string_view kDivisors = "rope_freqs.weight";
constexpr std::string_view kShortFactors = "rope_factors_short.weight";
constexpr std::string_view kLongFactors = "rope_factors_long.weight";

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
    case RopeScaling::Kind::kLinear:
      return static_cast<float>(static_cast<double>(frequency) / scaling.factor);
    case RopeScaling::Kind::kLlama3:
      return llama3_scaled(frequency, scaling);
    case RopeScaling::Kind::kNone:
    case RopeScaling::Kind::kLongRope:  // by the factor of each pair
      return frequency;
  }
  return frequency;
}

// The values of a tensor that divides speeds. `name` is for errors.
Result<std::vector<float>> divisors_in(TensorView tensor, std::string_view name) {
  if (tensor.dtype != DType::kF32) {
    return Error{ErrorCode::kBadModel,
                 fmt::format("{}: expected type f32, found {}", name, info(tensor.dtype).name),
                 {}};
  }
  std::vector<float> divisors(tensor.empty() ? 0 : tensor.shape.values());
  for (std::size_t i = 0; i < divisors.size(); ++i) {
    float divisor = 0.0F;  // a GGUF tensor need not be aligned
    std::memcpy(&divisor, tensor.data + i * sizeof(float), sizeof(float));
    if (!(divisor > 0.0F) || !std::isfinite(divisor)) {
      return Error{ErrorCode::kBadModel,
                   fmt::format("{}: expected positive numbers, found {} at {}", name, divisor, i),
                   {}};
    }
    divisors[i] = divisor;
  }
  return divisors;
}

// `factors` [rotary_dim / 2]: LongRoPE's; or none.
std::vector<float> speeds_of(const ModelConfig& config, std::span<const float> factors) {
  std::vector<float> speeds;
  const auto theta = static_cast<float>(config.rope_theta);
  for (std::size_t i = 0; i < config.rotary_dim / 2; ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(config.rotary_dim);
    const float factor = factors.empty() ? 1.0F : factors[i];
    speeds.push_back(scaled(1.0F / (factor * std::pow(theta, exponent)), config.rope_scaling));
  }
  return speeds;
}

}  // namespace

RopeTensors bind_rope(WeightBinder& binder, const ModelConfig& config) {
  const std::size_t pairs = config.rotary_dim / 2;
  const bool factors = config.rope_scaling.kind == RopeScaling::Kind::kLongRope &&
                       config.rope_scaling.short_factors.empty();
  return {.divisors = binder.vector_if(binder.has(kDivisors), kDivisors, pairs),
          .short_factors = binder.vector_if(factors, kShortFactors, pairs),
          .long_factors = binder.vector_if(factors, kLongFactors, pairs)};
}

Result<Rope> make_rope(const ModelConfig& config, const RopeTensors& tensors) {
  Rope rope;
  rope.style = config.rope_style;
  auto divisors = divisors_in(tensors.divisors, kDivisors);
  auto short_factors = divisors_in(tensors.short_factors, kShortFactors);
  auto long_factors = divisors_in(tensors.long_factors, kLongFactors);
  for (auto* read : {&divisors, &short_factors, &long_factors}) {
    if (!*read) return std::move(*read).error();
  }
  if (config.rope_scaling.kind != RopeScaling::Kind::kLongRope) {
    rope.inverse_frequencies = speeds_of(config, {});
    for (std::size_t i = 0; i < divisors->size(); ++i) {
      rope.inverse_frequencies[i] /= (*divisors)[i];
    }
    return rope;
  }
  const RopeScaling& scaling = config.rope_scaling;
  const bool in_config = !scaling.short_factors.empty();
  rope.inverse_frequencies = speeds_of(config, in_config ? scaling.short_factors : *short_factors);
  rope.long_inverse_frequencies =
      speeds_of(config, in_config ? scaling.long_factors : *long_factors);
  rope.original_context = static_cast<std::size_t>(scaling.original_max_position_embeddings);
  rope.attention_factor = static_cast<float>(scaling.attention_factor);
  return rope;
}

}  // namespace bora
