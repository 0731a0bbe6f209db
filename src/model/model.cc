#include "model/model.h"

#include <algorithm>
#include <array>

namespace bora {
namespace {

std::size_t total_bytes(std::span<const TensorView> tensors) {
  std::size_t bytes = 0;
  for (const TensorView& tensor : tensors) bytes += tensor.bytes();
  return bytes;
}

}  // namespace

KvShape Model::kv_shape() const {
  const auto& sliding = config_.sliding_layers;  // one block table serves all layers
  const bool all_slide = std::find(sliding.begin(), sliding.end(), false) == sliding.end();
  return {.num_layers = config_.num_hidden_layers,
          .num_kv_heads = config_.num_key_value_heads,
          .head_dim = config_.head_dim,
          .sliding_window = all_slide ? config_.sliding_window : 0};
}

std::size_t Model::max_columns() const {
  return std::max({config_.hidden_size, config_.intermediate_size,
                   config_.num_attention_heads * config_.head_dim});
}

std::size_t Model::weight_bytes() const { return total_bytes(weights_.in_use_order); }

std::size_t Model::weight_bytes_per_token() const {
  return weight_bytes() - weights_.idle_bytes -
         (weights_.tied_embedding ? 0 : weights_.embedding.bytes());
}

std::size_t Model::owned_bytes() const {
  std::size_t bytes = 0;
  for (const Buffer& buffer : weights_.owned) bytes += buffer.bytes().size();
  return bytes;
}

std::string_view Model::weight_type() const {
  std::array<std::size_t, kDTypes.size()> bytes{};
  for (const TensorView& tensor : weights_.in_use_order) {
    bytes[static_cast<std::size_t>(tensor.dtype)] += tensor.bytes();
  }
  const auto most = std::max_element(bytes.begin(), bytes.end());
  return kDTypes[static_cast<std::size_t>(most - bytes.begin())].name;
}

}  // namespace bora
