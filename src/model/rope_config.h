// The part of a config that tells how positions turn the heads.
#pragma once

#include "model/config_reader.h"
#include "model/model_config.h"

#include <cstddef>

namespace bora {

// Far above any published model; a window or context beyond it is taken for damage.
inline constexpr std::size_t kMaxPositions = std::size_t{1} << 30;
inline constexpr std::size_t kMaxHeadDim = 1 << 10;

// What an architecture's config may say of it beyond Llama's.
struct RopeDialect {
  double theta = 10000.0;  // where config.json has no rope_theta
  bool partial = false;    // only the first values of a head may turn
  bool longrope = false;   // two lists of factors, and neither linear nor llama3
};

// rope_theta, rotary_dim, rope_scaling of a config whose heads and max_position_embeddings have
// been read. In config.json both rope_theta with rope_scaling and the rope_parameters of
// transformers 5. Failures are the reader's.
void read_rope(ConfigReader& reader, const RopeDialect& dialect, ModelConfig& config);

}  // namespace bora
