// rope: rotary position embedding, in place (https://arxiv.org/abs/2104.09864).
//
//   a, b = the two values of pair i of a head
//   a, b = a * cos[t, i] - b * sin[t, i],  b * cos[t, i] + a * sin[t, i]
//
// Three roundings per value, never fused, so every ISA gives the same bits; error at most
// 2u (|a| + |b|), u = 2^-24, beside that of cos and sin.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bora {

// Which values of a head form a rotary pair, of the 2 * pairs that turn: kHalves (i, i + pairs) as
// Hugging Face checkpoints lie, kInterleaved (2i, 2i + 1) as the original Llama code and GGUF files
// of kind "llama" do.
enum class RopeStyle { kHalves, kInterleaved };

namespace kernels {

struct RopeArgs {
  float* x;            // [tokens, heads * head_dim], rows `stride` values apart
  std::size_t stride;  // values
  std::size_t tokens;
  std::size_t heads;
  std::size_t head_dim;  // D
  std::size_t pairs;     // at most D / 2; the last D - 2 * pairs values stay
  const float* cosines;  // [tokens, pairs]
  const float* sines;    // [tokens, pairs]
  RopeStyle style;
};

// The angles of a step, shared by all heads and layers.
struct RopeAnglesArgs {
  const std::int32_t* positions;     // [tokens]
  std::size_t tokens;                //
  const float* inverse_frequencies;  // [pairs]
  std::size_t pairs;                 //
  float attention_factor;            // multiplies cos and sin
  float* cosines;                    // [tokens, pairs]
  float* sines;                      // [tokens, pairs]
};

// cos and sin of position * inverse_frequency. The product is rounded to f32, as transformers
// computes it; cos and sin are taken in double and rounded once. The same on every ISA.
void rope_angles(const RopeAnglesArgs& args) noexcept;

namespace reference {
void rope(const RopeArgs& args);
}  // namespace reference

}  // namespace kernels
}  // namespace bora
