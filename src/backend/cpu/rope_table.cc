#include "backend/cpu/rope_table.h"

#include "kernels/rope.h"

#include <algorithm>

namespace bora {

void RopeTable::reserve(std::size_t tokens, std::size_t pairs) {
  positions_.reserve(tokens);
  inverse_frequencies_.reserve(pairs);
  cosines_.reserve(tokens * pairs);
  sines_.reserve(tokens * pairs);
}

std::size_t RopeTable::bytes() const {
  return positions_.capacity() * sizeof(std::int32_t) +
         (inverse_frequencies_.capacity() + cosines_.capacity() + sines_.capacity()) *
             sizeof(float);
}

std::size_t RopeTable::bytes_for(std::size_t tokens, std::size_t pairs) {
  return tokens * sizeof(std::int32_t) + (pairs + 2 * tokens * pairs) * sizeof(float);
}

void RopeTable::prepare(std::span<const std::int32_t> positions,
                        std::span<const float> inverse_frequencies, float attention_factor) {
  const bool same_angles =
      std::equal(positions.begin(), positions.end(), positions_.begin(), positions_.end()) &&
      std::equal(inverse_frequencies.begin(), inverse_frequencies.end(),
                 inverse_frequencies_.begin(), inverse_frequencies_.end());
  if (same_angles && attention_factor == attention_factor_) return;
  positions_.assign(positions.begin(), positions.end());
  inverse_frequencies_.assign(inverse_frequencies.begin(), inverse_frequencies.end());
  attention_factor_ = attention_factor;
  cosines_.resize(positions.size() * inverse_frequencies.size());
  sines_.resize(cosines_.size());
  kernels::rope_angles({.positions = positions_.data(),
                        .tokens = positions_.size(),
                        .inverse_frequencies = inverse_frequencies_.data(),
                        .pairs = inverse_frequencies_.size(),
                        .attention_factor = attention_factor_,
                        .cosines = cosines_.data(),
                        .sines = sines_.data()});
}

}  // namespace bora
