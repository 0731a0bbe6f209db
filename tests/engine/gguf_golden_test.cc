// The goldens once more, written as GGUF files the way converters write them: other names, for
// Llamas q and k rows in the order of interleaved rotary pairs, scaled positions as a tensor.
#include "model/gguf_names.h"
#include "model/rope.h"
#include "tests/engine/golden.h"
#include "tests/formats/gguf_builder.h"
#include "tests/formats/temp_folder.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace bora {
namespace {

using testing::GgufBuilder;
using testing::golden_folder;
using testing::TestEngine;

// Rows (i, i + D / 2) of each head become rows (2i, 2i + 1).
std::string interleaved(TensorView weight, std::size_t head_dim) {
  std::string data;
  for (std::size_t row = 0; row < weight.shape[0]; ++row) {
    const std::size_t head = row / head_dim * head_dim;
    const std::size_t in_head = row % head_dim;
    const std::size_t from = head + in_head / 2 + in_head % 2 * (head_dim / 2);
    data.append(reinterpret_cast<const char*>(weight.row(from)), weight.row_bytes());
  }
  return data;
}

// llama.cpp computes Mistral as a Llama.
std::string architecture_of(const ModelConfig& config) {
  return config.architecture == "mistral" ? "llama" : config.architecture;
}

void add_counts(GgufBuilder& file, const ModelConfig& config) {
  const std::string architecture = architecture_of(config);
  const auto add = [&](std::string_view key, std::size_t number) {
    file.value(fmt::format("{}.{}", architecture, key), MetadataType::kUint32,
               static_cast<std::uint32_t>(number));
  };
  const auto add_float = [&](std::string_view key, double number) {
    file.value(fmt::format("{}.{}", architecture, key), MetadataType::kFloat32,
               static_cast<float>(number));
  };
  file.text("general.architecture", architecture);
  add("embedding_length", config.hidden_size);
  add("feed_forward_length", config.intermediate_size);
  add("block_count", config.num_hidden_layers);
  add("attention.head_count", config.num_attention_heads);
  add("attention.head_count_kv", config.num_key_value_heads);
  add("attention.key_length", config.head_dim);
  add("attention.value_length", config.head_dim);
  add("rope.dimension_count", config.rotary_dim);
  add("context_length", config.max_position_embeddings);
  add("vocab_size", config.vocab_size);
  if (config.sliding_window != 0) add("attention.sliding_window", config.sliding_window);
  add_float("attention.layer_norm_rms_epsilon", static_cast<double>(config.rms_norm_eps));
  add_float("rope.freq_base", config.rope_theta);
}

void add_floats(GgufBuilder& file, std::string_view name, std::span<const float> values) {
  std::string data;
  for (const float value : values) GgufBuilder::put(data, value);
  file.tensor(name, {values.size()}, 0, data);
}

void add_rope_divisors(GgufBuilder& file, const ModelConfig& config) {
  ModelConfig plain = config;
  plain.rope_scaling = {};
  const Rope scaled = *make_rope(config, {});
  const Rope unscaled = *make_rope(plain, {});
  std::vector<float> divisors;
  for (std::size_t i = 0; i < scaled.inverse_frequencies.size(); ++i) {
    divisors.push_back(unscaled.inverse_frequencies[i] / scaled.inverse_frequencies[i]);
  }
  add_floats(file, "rope_freqs.weight", divisors);
}

void add_longrope(GgufBuilder& file, const ModelConfig& config) {
  const RopeScaling& scaling = config.rope_scaling;
  const std::string prefix = architecture_of(config) + ".rope.scaling.";
  file.value(prefix + "attn_factor", MetadataType::kFloat32,
             static_cast<float>(scaling.attention_factor));
  file.value(prefix + "original_context_length", MetadataType::kUint32,
             static_cast<std::uint32_t>(scaling.original_max_position_embeddings));
  add_floats(file, "rope_factors_short.weight", scaling.short_factors);
  add_floats(file, "rope_factors_long.weight", scaling.long_factors);
}

std::string as_gguf(const Checkpoint& checkpoint) {
  const ModelConfig config = *read_model_config(checkpoint);
  GgufBuilder file;
  add_counts(file, config);
  for (const StoredTensor& tensor : checkpoint.tensors()) {
    const TensorView view = *checkpoint.tensor(tensor.name);
    std::string data(reinterpret_cast<const char*>(view.data), view.bytes());
    if (architecture_of(config) == "llama" && (tensor.name.find("q_proj") != std::string::npos ||
                                               tensor.name.find("k_proj") != std::string::npos)) {
      data = interleaved(view, config.head_dim);
    }
    const auto dims = view.shape.dims();
    file.tensor(gguf_tensor_name(tensor.name), {dims.rbegin(), dims.rend()},
                static_cast<std::uint32_t>(info(view.dtype).ggml_type), data);
  }
  switch (config.rope_scaling.kind) {
    case RopeScaling::Kind::kNone:
      break;
    case RopeScaling::Kind::kLinear:
    case RopeScaling::Kind::kLlama3:
      add_rope_divisors(file, config);
      break;
    case RopeScaling::Kind::kLongRope:
      add_longrope(file, config);
      break;
  }
  return file.bytes();
}

class GgufGolden : public ::testing::TestWithParam<std::string> {};

TEST_P(GgufGolden, GivesTheRecordedLogitsAndGreedyIds) {
  const testing::Golden golden = testing::read_golden(GetParam());
  const testing::TempFolder folder;
  const Checkpoint source = *Checkpoint::open(golden_folder(GetParam()));
  auto engine = TestEngine::open(folder.write("model.gguf", as_gguf(source)), {});
  ASSERT_TRUE(engine) << engine.error().message;
  const auto rows = (*engine)->all_logits(golden.input_ids);
  for (std::size_t p = 0; p < rows.size(); ++p) {
    EXPECT_LE(testing::worst_error(golden.logits_last[p], rows[p]), 2e-3) << "position " << p;
  }
  EXPECT_EQ((*engine)->greedy(golden.input_ids, golden.greedy.size()), golden.greedy);
}

INSTANTIATE_TEST_SUITE_P(Public, GgufGolden,
                         ::testing::Values("llama2", "llama31_rope_tied", "mistral_nemo",
                                           "mistral_v01_swa", "mistral_v02", "phi3",
                                           "phi3_longrope", "qwen2", "qwen3"),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace bora
