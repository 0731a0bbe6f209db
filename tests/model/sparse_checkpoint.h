// A Hugging Face folder whose weights are a sparse file: the shapes of a model of billions of
// parameters, all zero, for no disk space and no time. What is never read costs nothing to map.
#pragma once

#include "tests/base/temp_folder.h"

#include <fmt/format.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace bora::testing {

struct SparseShape {
  std::string_view architecture = "MistralForCausalLM";
  std::size_t hidden = 4096;
  std::size_t intermediate = 14336;
  std::size_t layers = 32;
  std::size_t heads = 32;
  std::size_t kv_heads = 8;
  std::size_t head_dim = 128;
  std::size_t vocab = 32000;
  std::size_t positions = 32768;
  std::size_t window = 4096;  // 0: none
};

class SparseCheckpoint {
 public:
  // bf16. The default: Mistral-7B-v0.1.
  explicit SparseCheckpoint(const SparseShape& shape = {}) {
    const std::uint64_t kv = shape.kv_heads * shape.head_dim;
    const std::uint64_t q = shape.heads * shape.head_dim;
    add("model.embed_tokens.weight", {shape.vocab, shape.hidden});
    for (std::size_t i = 0; i < shape.layers; ++i) {
      const std::string layer = fmt::format("model.layers.{}.", i);
      add(layer + "input_layernorm.weight", {shape.hidden});
      add(layer + "self_attn.q_proj.weight", {q, shape.hidden});
      add(layer + "self_attn.k_proj.weight", {kv, shape.hidden});
      add(layer + "self_attn.v_proj.weight", {kv, shape.hidden});
      add(layer + "self_attn.o_proj.weight", {shape.hidden, q});
      add(layer + "post_attention_layernorm.weight", {shape.hidden});
      add(layer + "mlp.gate_proj.weight", {shape.intermediate, shape.hidden});
      add(layer + "mlp.up_proj.weight", {shape.intermediate, shape.hidden});
      add(layer + "mlp.down_proj.weight", {shape.hidden, shape.intermediate});
    }
    add("model.norm.weight", {shape.hidden});
    add("lm_head.weight", {shape.vocab, shape.hidden});
    folder_.write("config.json", config_of(shape));
    write_weights();
  }

  [[nodiscard]] const std::filesystem::path& path() const { return folder_.path(); }
  [[nodiscard]] std::uint64_t weight_bytes() const { return bytes_; }

 private:
  void add(const std::string& name, const std::vector<std::uint64_t>& dims) {
    std::uint64_t bytes = 2;
    std::string shape;
    for (const std::uint64_t dim : dims) {
      bytes *= dim;
      shape += fmt::format("{}{}", shape.empty() ? "" : ",", dim);
    }
    header_ += fmt::format(R"({}"{}":{{"dtype":"BF16","shape":[{}],"data_offsets":[{},{}]}})",
                           header_.empty() ? "{" : ",", name, shape, bytes_, bytes_ + bytes);
    bytes_ += bytes;
  }

  void write_weights() {
    std::string header = header_ + "}";
    header.resize((header.size() + 7) / 8 * 8, ' ');
    const std::uint64_t length = header.size();
    std::string file(sizeof length, '\0');
    std::memcpy(file.data(), &length, sizeof length);
    const std::filesystem::path path = folder_.write("model.safetensors", file + header);
    std::filesystem::resize_file(path, sizeof length + length + bytes_);
  }

  static std::string config_of(const SparseShape& shape) {
    return fmt::format(
        R"({{"architectures": ["{}"], "hidden_size": {}, "intermediate_size": {},
"num_hidden_layers": {}, "num_attention_heads": {}, "num_key_value_heads": {}, "head_dim": {},
"vocab_size": {}, "max_position_embeddings": {}, "rms_norm_eps": 1e-5, "bos_token_id": 1,
"eos_token_id": 2, "sliding_window": {}}})",
        shape.architecture, shape.hidden, shape.intermediate, shape.layers, shape.heads,
        shape.kv_heads, shape.head_dim, shape.vocab, shape.positions,
        shape.window == 0 ? "null" : std::to_string(shape.window));
  }

  TempFolder folder_;
  std::string header_;
  std::uint64_t bytes_ = 0;
};

}  // namespace bora::testing
