// RopeTable: cos and sin of a step's positions, computed once and used by all layers.
//
// Keeps what it computed last and computes anew only for other positions or frequencies. Grows when
// a step is larger than any before. Owner: the backend's thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace bora {

class RopeTable {
 public:
  void reserve(std::size_t tokens, std::size_t pairs);

  // Bytes the table holds, and those it holds after reserve().
  [[nodiscard]] std::size_t bytes() const;
  static std::size_t bytes_for(std::size_t tokens, std::size_t pairs);

  void prepare(std::span<const std::int32_t> positions, std::span<const float> inverse_frequencies,
               float attention_factor);

  // [positions, inverse_frequencies] of the last prepare().
  [[nodiscard]] const float* cosines() const { return cosines_.data(); }
  [[nodiscard]] const float* sines() const { return sines_.data(); }

 private:
  std::vector<std::int32_t> positions_;
  std::vector<float> inverse_frequencies_;
  float attention_factor_ = 0.0F;
  std::vector<float> cosines_;
  std::vector<float> sines_;
};

}  // namespace bora
