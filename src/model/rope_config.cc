#include "model/rope_config.h"

#include <cmath>
#include <optional>
#include <string>
#include <string_view>

namespace bora {
namespace {

constexpr double kMaxTheta = 1e12;
constexpr double kMaxFactor = 1e6;

void read_scaling(ConfigReader& reader, std::string_view type_key, ModelConfig& config) {
  RopeScaling& scaling = config.rope_scaling;
  const std::string_view type =
      reader.choice(type_key, {"default", "none", "linear", "llama3"}, "default");
  if (type == "linear") scaling.kind = RopeScaling::Kind::kLinear;
  if (type == "llama3") scaling.kind = RopeScaling::Kind::kLlama3;
  if (scaling.kind == RopeScaling::Kind::kNone) return;
  scaling.factor = reader.number("factor", 1.0, kMaxFactor);
  if (scaling.kind != RopeScaling::Kind::kLlama3) return;
  scaling.low_freq_factor = reader.number("low_freq_factor", 1e-3, 1e6);
  scaling.high_freq_factor = reader.number("high_freq_factor", 1e-3, 1e6);
  reader.expect(scaling.high_freq_factor > scaling.low_freq_factor, "high_freq_factor",
                "more than low_freq_factor");
  scaling.original_max_position_embeddings =
      reader.number("original_max_position_embeddings", 1.0, kMaxPositions);
}

// As LongRoPE has it where the config gives no attention_factor.
double longrope_attention_factor(double factor, double original) {
  return factor <= 1.0 ? 1.0 : std::sqrt(1.0 + std::log(factor) / std::log(original));
}

std::vector<float> read_factors(ConfigReader& reader, std::string_view key,
                                const ModelConfig& config) {
  std::vector<float> factors = reader.numbers(key, 1e-3, kMaxFactor);
  reader.expect(factors.size() == config.rotary_dim / 2, key,
                std::to_string(config.rotary_dim / 2) + " numbers, one for each pair of a head");
  return factors;
}

// `part`: rope_scaling of `whole`. The type has had several names.
void read_longrope(ConfigReader& whole, ConfigReader& part, std::string_view type_key,
                   ModelConfig& config) {
  constexpr double kDefaultOriginal = 4096.0;  // where the key is absent, as transformers has it
  const std::string_view type =
      part.choice(type_key, {"default", "longrope", "su", "yarn"}, "default");
  if (type.empty() || type == "default") return;
  RopeScaling& scaling = config.rope_scaling;
  scaling.kind = RopeScaling::Kind::kLongRope;
  scaling.original_max_position_embeddings =
      whole.number("original_max_position_embeddings", 2.0, kMaxPositions, kDefaultOriginal);
  scaling.short_factors = read_factors(part, "short_factor", config);
  scaling.long_factors = read_factors(part, "long_factor", config);
  const double factor = part.number("factor", 1e-3, kMaxFactor,
                                    static_cast<double>(config.max_position_embeddings) /
                                        scaling.original_max_position_embeddings);
  scaling.attention_factor =
      part.number("attention_factor", 1e-3, kMaxFactor,
                  longrope_attention_factor(factor, scaling.original_max_position_embeddings));
}

// The factors themselves are tensors, for which see bind_rope(). The files have no type; their
// attention factor tells.
void read_gguf_longrope(ConfigReader& reader, ModelConfig& config) {
  reader.choice("rope_type", {"none", "longrope"}, "none");
  if (!reader.has("attention_factor")) return;
  config.rope_scaling.kind = RopeScaling::Kind::kLongRope;
  config.rope_scaling.attention_factor = reader.number("attention_factor", 1e-3, kMaxFactor);
  config.rope_scaling.original_max_position_embeddings =
      reader.number("original_max_position_embeddings", 2.0, kMaxPositions);
}

// A factor alone, under the key of today or under the one that old files have, is a linear one.
void read_gguf_scaling(ConfigReader& reader, ModelConfig& config) {
  const bool old = reader.has("scale_linear") && !reader.has("factor");
  const std::string_view key = old ? "scale_linear" : "factor";
  const std::string_view type =
      reader.choice("rope_type", {"none", "linear"}, reader.has(key) ? "linear" : "none");
  if (type != "linear") return;
  config.rope_scaling.kind = RopeScaling::Kind::kLinear;
  config.rope_scaling.factor = reader.number(key, 1.0, kMaxFactor);
}

void read_gguf_rope(ConfigReader& reader, const RopeDialect& dialect, ModelConfig& config) {
  const std::size_t values = reader.count("v_head_dim", kMaxHeadDim, config.head_dim);
  reader.expect(values == config.head_dim, "v_head_dim", std::to_string(config.head_dim));
  config.rotary_dim = reader.count("rotary_dim", kMaxHeadDim, config.head_dim);
  if (dialect.partial) {
    reader.expect(config.rotary_dim <= config.head_dim && config.rotary_dim % 2 == 0, "rotary_dim",
                  "an even number up to " + std::to_string(config.head_dim));
  } else {
    reader.expect(config.rotary_dim == config.head_dim, "rotary_dim",
                  std::to_string(config.head_dim));
  }
  if (dialect.longrope) {
    read_gguf_longrope(reader, config);
  } else {
    read_gguf_scaling(reader, config);
  }
}

void read_partial_rotary(ConfigReader& reader, const RopeDialect& dialect, ModelConfig& config) {
  constexpr std::string_view kKey = "partial_rotary_factor";
  if (!reader.has(kKey)) return;
  const double part = reader.number(kKey, 0.0, 1.0);
  config.rotary_dim = static_cast<std::size_t>(static_cast<double>(config.head_dim) * part);
  if (dialect.partial) {
    reader.expect(config.rotary_dim != 0 && config.rotary_dim % 2 == 0, kKey,
                  "an even number of the " + std::to_string(config.head_dim) + " values of a head");
  } else {
    reader.expect(part == 1.0, kKey, "1");
  }
}

}  // namespace

void read_rope(ConfigReader& reader, const RopeDialect& dialect, ModelConfig& config) {
  config.rope_theta = reader.number("rope_theta", 1.0, kMaxTheta, dialect.theta);
  if (reader.is_gguf()) {
    read_gguf_rope(reader, dialect, config);
    return;
  }
  config.rotary_dim = config.head_dim;
  read_partial_rotary(reader, dialect, config);
  for (const std::string_view key : {"rope_scaling", "rope_parameters"}) {
    std::optional<ConfigReader> part = reader.object(key);
    if (!part) continue;
    config.rope_theta = part->number("rope_theta", 1.0, kMaxTheta, config.rope_theta);
    read_partial_rotary(*part, dialect, config);
    const std::string_view type_key = part->has("rope_type") ? "rope_type" : "type";
    if (dialect.longrope) {
      read_longrope(reader, *part, type_key, config);
    } else {
      read_scaling(*part, type_key, config);
    }
    for (const std::string_view layers : {"full_attention", "sliding_attention"}) {
      part->expect(!part->has(layers), layers, "the same positions in all layers");
    }
    reader.adopt(*part);
  }
}

}  // namespace bora
