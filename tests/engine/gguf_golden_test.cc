// The goldens once more, written as GGUF files the way converters write them: other names, for
// Llamas q and k rows in the order of interleaved rotary pairs, scaled positions as a tensor,
// experts stacked.
#include "kernels/reference/weights.h"
#include "model/gguf_names.h"
#include "model/rope.h"
#include "tests/base/temp_folder.h"
#include "tests/engine/golden.h"
#include "tests/formats/gguf_builder.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

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

// llama.cpp computes Mistral and Mixtral as Llamas.
std::string architecture_of(const ModelConfig& config) {
  const bool llama = config.architecture == "mistral" || config.architecture == "mixtral";
  return llama ? "llama" : config.architecture;
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
  if (config.num_local_experts != 0) {
    add("expert_count", config.num_local_experts);
    add("expert_used_count", config.num_experts_per_tok);
  }
  if (config.final_logit_softcapping != 0.0) {
    add_float("attn_logit_softcapping", config.attn_logit_softcapping);
    add_float("final_logit_softcapping", config.final_logit_softcapping);
  }
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

void add_scaling(GgufBuilder& file, const ModelConfig& config) {
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
}

struct GgufTensor {
  std::vector<std::uint64_t> dims;  // innermost first
  DType dtype = DType::kF32;
  std::string data;
};

// The values times `factor` plus `offset`, in f32: what converters do to norms of Gemma.
std::string rewritten(TensorView tensor, float factor, float offset) {
  std::string data;
  for (std::size_t i = 0; i < tensor.shape.values(); ++i) {
    const auto value =
        static_cast<float>(kernels::reference::weight_value(tensor.dtype, tensor.data, i));
    GgufBuilder::put(data, value * factor + offset);
  }
  return data;
}

GgufTensor converted(std::string_view name, TensorView tensor, const ModelConfig& config) {
  const auto dims = tensor.shape.dims();
  GgufTensor made{{dims.rbegin(), dims.rend()},
                  tensor.dtype,
                  {reinterpret_cast<const char*>(tensor.data), tensor.bytes()}};
  const bool is_q = name.find("q_proj") != std::string_view::npos;
  const bool is_k = name.find("k_proj") != std::string_view::npos;
  if (architecture_of(config) == "llama" && (is_q || is_k)) {
    made.data = interleaved(tensor, config.head_dim);
  }
  if (config.architecture == "gemma2" && name.ends_with("norm.weight")) {
    made.dtype = DType::kF32;
    made.data = rewritten(tensor, 1.0F, 1.0F);
  }
  if (config.architecture == "gemma2" && is_q) {  // GGUF has no query_pre_attn_scalar
    const double scale = static_cast<double>(config.head_dim) / config.query_pre_attn_scalar;
    made.dtype = DType::kF32;
    made.data = rewritten(tensor, static_cast<float>(std::sqrt(scale)), 0.0F);
  }
  return made;
}

// The experts' tensors made one, in the order of their numbers.
using Tensors = std::map<std::string, GgufTensor>;
void stack_experts(Tensors& tensors, const ModelConfig& config) {
  for (std::size_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    for (const char* kind : {"gate", "up", "down"}) {
      GgufTensor stack;
      for (std::size_t e = 0; e < config.num_local_experts; ++e) {
        auto expert = tensors.extract(fmt::format("blk.{}.ffn_{}.{}.weight", layer, kind, e));
        const std::string before = stack.data;
        stack = expert.mapped();
        stack.data = before + stack.data;
      }
      stack.dims.push_back(config.num_local_experts);
      tensors[fmt::format("blk.{}.ffn_{}_exps.weight", layer, kind)] = stack;
    }
  }
}

enum class Experts { kStacked, kApart };

std::string as_gguf(const Checkpoint& checkpoint, Experts experts = Experts::kStacked) {
  constexpr GgufName kGemmaNames[] = {{"post_attention_layernorm", "post_attention_norm"}};
  const ModelConfig config = *read_model_config(checkpoint);
  std::span<const GgufName> exceptions;
  if (config.architecture == "gemma2") exceptions = kGemmaNames;
  Tensors tensors;
  for (const StoredTensor& tensor : checkpoint.tensors()) {
    tensors[gguf_tensor_name(tensor.name, exceptions)] =
        converted(tensor.name, *checkpoint.tensor(tensor.name), config);
  }
  if (config.num_local_experts > 0 && experts == Experts::kStacked) {
    stack_experts(tensors, config);
  }
  GgufBuilder file;
  add_counts(file, config);
  for (const auto& [name, tensor] : tensors) {
    file.tensor(name, tensor.dims, static_cast<std::uint32_t>(info(tensor.dtype).ggml_type),
                tensor.data);
  }
  add_scaling(file, config);
  return file.bytes();
}

void expect_golden(const std::string& name, const std::string& gguf) {
  const testing::Golden golden = testing::read_golden(name);
  const testing::TempFolder folder;
  auto engine = TestEngine::open(folder.write("model.gguf", gguf), {});
  ASSERT_TRUE(engine) << engine.error().message;
  const auto rows = (*engine)->all_logits(golden.input_ids);
  for (std::size_t p = 0; p < rows.size(); ++p) {
    EXPECT_LE(testing::worst_error(golden.logits_last[p], rows[p]), 2e-3) << "position " << p;
  }
  EXPECT_EQ((*engine)->greedy(golden.input_ids, golden.greedy.size()), golden.greedy);
}

class GgufGolden : public ::testing::TestWithParam<std::string> {};

TEST_P(GgufGolden, GivesTheRecordedLogitsAndGreedyIds) {
  expect_golden(GetParam(), as_gguf(*Checkpoint::open(golden_folder(GetParam()))));
}

TEST(GgufExperts, MayLieInTensorsOfTheirOwnAsInOldFiles) {
  expect_golden("mixtral", as_gguf(*Checkpoint::open(golden_folder("mixtral")), Experts::kApart));
}

INSTANTIATE_TEST_SUITE_P(Public, GgufGolden,
                         ::testing::Values("gemma2", "llama2", "llama31_rope_tied", "mistral_nemo",
                                           "mistral_v01_swa", "mistral_v02", "mixtral", "phi3",
                                           "phi3_longrope", "qwen2", "qwen3"),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace bora
