// TinyCheckpoint: a Llama of two layers in a folder of its own, to be damaged by tests.
#pragma once

#include "base/float16.h"
#include "formats/checkpoint.h"
#include "tests/base/temp_folder.h"
#include "tests/formats/safetensors_builder.h"

#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace bora::testing {

inline constexpr std::string_view kTinyConfig = R"({
  "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 8,
  "intermediate_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2,
  "num_key_value_heads": 1, "vocab_size": 10, "max_position_embeddings": 64,
  "bos_token_id": 1, "eos_token_id": 2})";

// `json` with `key` set to `value` (JSON text); "" removes the key.
inline std::string with_key(std::string_view json, std::string_view key, std::string_view value) {
  std::string text(json);
  const std::string quoted = fmt::format("\"{}\"", key);
  if (const std::size_t at = text.find(quoted + ":"); at != std::string::npos) {
    std::size_t end = text.find(':', at) + 1;
    int depth = 0;
    for (; depth > 0 || (text[end] != ',' && text[end] != '}'); ++end) {
      if (text[end] == '[' || text[end] == '{') ++depth;
      if (text[end] == ']' || text[end] == '}') --depth;
    }
    text.erase(at, end - at + (text[end] == ',' ? 1 : 0));
    if (const std::size_t comma = text.find_last_not_of(" \n}"); text[comma] == ',') {
      text.erase(comma, 1);
    }
  }
  if (!value.empty()) text.insert(text.rfind('}'), fmt::format(", {}: {}", quoted, value));
  return text;
}

class TinyCheckpoint {
 public:
  using Dims = std::vector<std::uint64_t>;
  struct Tensor {
    std::string dtype;
    Dims shape;
  };

  TinyCheckpoint() {
    add("model.embed_tokens.weight", {10, 8});
    for (int i = 0; i < 2; ++i) {
      const std::string layer = fmt::format("model.layers.{}.", i);
      add(layer + "input_layernorm.weight", {8});
      add(layer + "self_attn.q_proj.weight", {8, 8});
      add(layer + "self_attn.k_proj.weight", {4, 8});
      add(layer + "self_attn.v_proj.weight", {4, 8});
      add(layer + "self_attn.o_proj.weight", {8, 8});
      add(layer + "post_attention_layernorm.weight", {8});
      add(layer + "mlp.gate_proj.weight", {12, 8});
      add(layer + "mlp.up_proj.weight", {12, 8});
      add(layer + "mlp.down_proj.weight", {8, 12});
    }
    add("model.norm.weight", {8});
    add("lm_head.weight", {10, 8});
  }

  std::string config{kTinyConfig};
  std::string generation_config;  // "": none
  std::map<std::string, Tensor> tensors;
  float (*value)(std::size_t index) = [](std::size_t index) {
    return static_cast<float>(static_cast<int>(index * 7 % 19) - 9) / 32.0F;
  };

  void add(const std::string& name, Dims shape, std::string dtype = "BF16") {
    tensors[name] = {std::move(dtype), std::move(shape)};
  }

  // The folder lives as long as this.
  [[nodiscard]] Result<Checkpoint> open() const {
    SafetensorsBuilder file;
    std::size_t index = 0;
    for (const auto& [name, tensor] : tensors) {
      std::size_t values = 1;
      for (const std::uint64_t dim : tensor.shape) values *= dim;
      std::string data;
      for (std::size_t i = 0; i < values; ++i) append(data, tensor.dtype, value(index++));
      file.tensor(name, tensor.dtype, tensor.shape, data);
    }
    folder_.write("config.json", config);
    if (!generation_config.empty()) folder_.write("generation_config.json", generation_config);
    folder_.write("model.safetensors", file.bytes());
    return Checkpoint::open(folder_.path());
  }

 private:
  static void append(std::string& data, std::string_view dtype, float number) {
    const auto put = [&data](const auto& raw) {
      data.append(reinterpret_cast<const char*>(&raw), sizeof raw);
    };
    if (dtype == "BF16") put(to_bf16(number));
    if (dtype == "F16") put(to_f16(number));
    if (dtype == "F32" || dtype == "I32") put(number);
  }

  TempFolder folder_;
};

}  // namespace bora::testing
