#include "model/model_config.h"

#include "model/registry.h"
#include "tests/formats/gguf_builder.h"
#include "tests/model/tiny_checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bora {
namespace {

using ::testing::ElementsAre;
using testing::GgufBuilder;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kTinyConfig;
using testing::TempFolder;
using testing::TinyCheckpoint;
using testing::with_key;

Result<ModelConfig> read_json(std::string_view config, std::string_view generation_config = "") {
  TinyCheckpoint tiny;
  tiny.config = config;
  tiny.generation_config = generation_config;
  Result<Checkpoint> checkpoint = tiny.open();
  if (!checkpoint) return std::move(checkpoint).error();
  return read_model_config(*checkpoint);
}

TEST(ModelConfig, ReadsTheKeysOfALlama) {
  const Result<ModelConfig> config = read_json(kTinyConfig);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->architecture, "llama");
  EXPECT_EQ(config->hidden_size, 8U);
  EXPECT_EQ(config->intermediate_size, 12U);
  EXPECT_EQ(config->num_hidden_layers, 2U);
  EXPECT_EQ(config->num_attention_heads, 2U);
  EXPECT_EQ(config->num_key_value_heads, 1U);
  EXPECT_EQ(config->head_dim, 4U);
  EXPECT_EQ(config->vocab_size, 10U);
  EXPECT_EQ(config->max_position_embeddings, 64U);
  EXPECT_FLOAT_EQ(config->rms_norm_eps, 1e-6F);
  EXPECT_EQ(config->rope_theta, 10000.0);
  EXPECT_EQ(config->rope_style, RopeStyle::kHalves);
  EXPECT_EQ(config->sliding_window, 0U);
  EXPECT_FALSE(config->tie_word_embeddings);
  EXPECT_EQ(config->bos_token_id, 1);
  EXPECT_THAT(config->eos_token_ids, ElementsAre(2));
}

TEST(ModelConfig, TakesAsManyKeyValueHeadsAsHeadsWhereNoneAreGiven) {
  const auto config = read_json(with_key(kTinyConfig, "num_key_value_heads", ""));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->num_key_value_heads, 2U);
}

TEST(ModelConfig, TakesHeadDimFromItsKeyEvenIfHeadsDoNotDivideHiddenSize) {
  auto config = read_json(with_key(with_key(kTinyConfig, "hidden_size", "9"), "head_dim", "16"));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->head_dim, 16U);
  config = read_json(with_key(kTinyConfig, "head_dim", "null"));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->head_dim, 4U);
}

TEST(ModelConfig, FindsTheArchitectureByModelTypeWhereThereAreNoArchitectures) {
  const auto config = read_json(with_key(kTinyConfig, "architectures", ""));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->architecture, "llama");
}

TEST(ModelConfig, GivesAWindowToMistralAndNoneToLlama) {
  const std::string windowed = with_key(kTinyConfig, "sliding_window", "16");
  const std::string mistral = with_key(windowed, "architectures", R"(["MistralForCausalLM"])");
  EXPECT_EQ(read_json(windowed)->sliding_window, 0U);
  EXPECT_EQ(read_json(mistral)->sliding_window, 16U);
  EXPECT_EQ(read_json(with_key(mistral, "sliding_window", "null"))->sliding_window, 0U);
  EXPECT_EQ(read_json(with_key(mistral, "sliding_window", ""))->sliding_window, 4096U)
      << "transformers' default";
}

TEST(ModelConfig, ReadsEachSpellingOfRopeScaling) {
  auto config =
      read_json(with_key(kTinyConfig, "rope_scaling", R"({"type": "linear", "factor": 2.5})"));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->rope_scaling.kind, RopeScaling::Kind::kLinear);
  EXPECT_EQ(config->rope_scaling.factor, 2.5);

  constexpr std::string_view kLlama3 =
      R"({"rope_type": "llama3", "rope_theta": 5e5, "factor": 8, "low_freq_factor": 1,
          "high_freq_factor": 4, "original_max_position_embeddings": 32})";
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    config = read_json(with_key(kTinyConfig, key, kLlama3));
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->rope_scaling.kind, RopeScaling::Kind::kLlama3);
    EXPECT_EQ(config->rope_scaling.factor, 8.0);
    EXPECT_EQ(config->rope_scaling.high_freq_factor, 4.0);
    EXPECT_EQ(config->rope_scaling.original_max_position_embeddings, 32.0);
    EXPECT_EQ(config->rope_theta, 5e5);
  }
  for (const char* none : {"null", R"({"rope_type": "default"})", R"({"rope_theta": 10000.0})"}) {
    config = read_json(with_key(kTinyConfig, "rope_parameters", none));
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->rope_scaling.kind, RopeScaling::Kind::kNone);
  }
}

TEST(ModelConfig, TakesSeveralStopIdsAndPrefersThoseOfTheGenerationConfig) {
  EXPECT_THAT(read_json(with_key(kTinyConfig, "eos_token_id", "[2, 5]"))->eos_token_ids,
              ElementsAre(2, 5));
  EXPECT_THAT(read_json(with_key(kTinyConfig, "eos_token_id", "null"))->eos_token_ids, IsEmpty());
  EXPECT_THAT(read_json(kTinyConfig, R"({"eos_token_id": [3, 4]})")->eos_token_ids,
              ElementsAre(3, 4));
  EXPECT_THAT(read_json(kTinyConfig, R"({"temperature": 1})")->eos_token_ids, ElementsAre(2));
}

struct BadKey {
  std::string_view key;
  std::string_view value;  // "": removed
  std::string_view message;
};

TEST(ModelConfig, NamesTheKeyThatIsWrong) {
  constexpr BadKey kBad[] = {
      {"hidden_size", "", "hidden_size: expected"},
      {"hidden_size", "0", "hidden_size: expected"},
      {"hidden_size", "-8", "hidden_size: expected"},
      {"hidden_size", "8.5", "hidden_size: expected"},
      {"hidden_size", "\"8\"", "hidden_size: expected"},
      {"hidden_size", "1000000000", "hidden_size: expected an integer from 1 to"},
      {"hidden_size", "99999999999999999999", "hidden_size: expected"},
      {"hidden_size", "9", "num_attention_heads: expected a divisor of hidden_size 9"},
      {"hidden_size", "6", "num_attention_heads: expected heads of an even size"},
      {"intermediate_size", "0", "intermediate_size: expected"},
      {"intermediate_size", "", "intermediate_size: expected"},
      {"num_hidden_layers", "0", "num_hidden_layers: expected"},
      {"num_hidden_layers", "2000000000", "num_hidden_layers: expected"},
      {"num_attention_heads", "0", "num_attention_heads: expected"},
      {"num_attention_heads", "3", "num_attention_heads: expected a divisor"},
      {"num_key_value_heads", "0", "num_key_value_heads: expected"},
      {"num_key_value_heads", "4", "num_key_value_heads: expected a divisor"},
      {"head_dim", "3", "head_dim: expected heads of an even size"},
      {"head_dim", "0", "head_dim: expected"},
      {"head_dim", "65536", "head_dim: expected"},
      {"vocab_size", "", "vocab_size: expected"},
      {"vocab_size", "2147483647", "vocab_size: expected"},
      {"max_position_embeddings", "", "max_position_embeddings: expected"},
      {"max_position_embeddings", "0", "max_position_embeddings: expected"},
      {"rms_norm_eps", "-1", "rms_norm_eps: expected"},
      {"rms_norm_eps", "\"small\"", "rms_norm_eps: expected"},
      {"rope_theta", "0", "rope_theta: expected"},
      {"rope_theta", "1e300", "rope_theta: expected"},
      {"rope_scaling", "{\"type\": \"yarn\", \"factor\": 4}", "rope_scaling.type: expected one of"},
      {"rope_scaling", "{\"rope_type\": \"dynamic\"}", "found \"dynamic\""},
      {"rope_scaling", "{\"rope_type\": \"longrope\"}", "found \"longrope\""},
      {"rope_scaling", "{\"type\": \"linear\"}", "rope_scaling.factor: expected"},
      {"rope_scaling", "{\"type\": \"linear\", \"factor\": 0}", "rope_scaling.factor: expected"},
      {"rope_scaling", "{\"rope_type\": \"llama3\", \"factor\": 8}", "low_freq_factor: expected"},
      {"rope_scaling",
       "{\"rope_type\": \"llama3\", \"factor\": 8, \"low_freq_factor\": 4, \"high_freq_factor\": 4,"
       " \"original_max_position_embeddings\": 8192}",
       "high_freq_factor: expected more than low_freq_factor"},
      {"rope_scaling", "7", "rope_scaling: expected"},
      {"rope_parameters", "{\"partial_rotary_factor\": 0.5}", "partial_rotary_factor: expected 1"},
      {"rope_parameters", "{\"full_attention\": {}}",
       "rope_parameters.full_attention: expected the same positions in all layers"},
      {"partial_rotary_factor", "0.5", "partial_rotary_factor: expected 1"},
      {"hidden_act", "\"gelu\"", "hidden_act: expected one of silu"},
      {"tie_word_embeddings", "1", "tie_word_embeddings: expected"},
      {"attention_bias", "\"no\"", "attention_bias: expected"},
      {"bos_token_id", "10", "bos_token_id: expected token ids from 0 to 9"},
      {"eos_token_id", "-1", "eos_token_id: expected token ids from 0 to 9"},
      {"eos_token_id", "[2, 99]", "eos_token_id: expected token ids from 0 to 9"},
      {"architectures", "[\"GPT2LMHeadModel\"]",
       "architectures: expected one of LlamaForCausalLM, MistralForCausalLM"},
      {"architectures", "[\"GPT2LMHeadModel\"]", "found \"GPT2LMHeadModel\""},
      {"architectures", "[]", "architectures: expected one of"},
      {"architectures", "[7]", "architectures"},
      {"architectures", "\"LlamaForCausalLM\"", "architectures: expected"},
  };
  for (const BadKey& bad : kBad) {
    const auto config = read_json(with_key(kTinyConfig, bad.key, bad.value));
    ASSERT_FALSE(config) << bad.key << " = " << bad.value;
    EXPECT_EQ(config.error().code, ErrorCode::kBadModel);
    EXPECT_THAT(config.error().message, HasSubstr(bad.message)) << bad.key << " = " << bad.value;
    EXPECT_THAT(config.error().message, HasSubstr("config.json")) << bad.key;
  }
}

TEST(ModelConfig, RefusesAWindowOfNothing) {
  const std::string mistral = with_key(kTinyConfig, "architectures", R"(["MistralForCausalLM"])");
  for (const char* window : {"0", "-1", "\"all\"", "9999999999"}) {
    const auto config = read_json(with_key(mistral, "sliding_window", window));
    ASSERT_FALSE(config) << window;
    EXPECT_THAT(config.error().message, HasSubstr("sliding_window: expected"));
  }
}

GgufBuilder llama_gguf() {
  GgufBuilder file;
  file.text("general.architecture", "llama");
  const std::pair<std::string_view, std::uint32_t> counts[] = {{"llama.embedding_length", 8},
                                                               {"llama.feed_forward_length", 12},
                                                               {"llama.block_count", 2},
                                                               {"llama.attention.head_count", 2},
                                                               {"llama.attention.head_count_kv", 1},
                                                               {"llama.context_length", 64},
                                                               {"tokenizer.ggml.bos_token_id", 1},
                                                               {"tokenizer.ggml.eos_token_id", 2}};
  for (const auto& [key, number] : counts) file.value(key, MetadataType::kUint32, number);
  file.value("llama.attention.layer_norm_rms_epsilon", MetadataType::kFloat32, 1e-5F);
  const std::vector<std::string> tokens(10, "x");
  file.texts("tokenizer.ggml.tokens", tokens);
  return file;
}

Result<ModelConfig> read_gguf(const GgufBuilder& file) {
  const TempFolder folder;
  Result<Checkpoint> checkpoint = Checkpoint::open(folder.write("m.gguf", file.bytes()));
  if (!checkpoint) return std::move(checkpoint).error();
  return read_model_config(*checkpoint);
}

TEST(GgufConfig, ReadsTheKeysOfALlama) {
  const auto config = read_gguf(
      llama_gguf()
          .value("llama.rope.freq_base", MetadataType::kFloat32, 5e5F)
          .value("llama.attention.sliding_window", MetadataType::kUint32, std::uint32_t{32})
          .value("tokenizer.ggml.eot_token_id", MetadataType::kUint32, std::uint32_t{7}));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->hidden_size, 8U);
  EXPECT_EQ(config->head_dim, 4U);
  EXPECT_EQ(config->vocab_size, 10U) << "counted in the vocabulary";
  EXPECT_EQ(config->rope_theta, 5e5);
  EXPECT_EQ(config->rope_style, RopeStyle::kInterleaved);
  EXPECT_EQ(config->sliding_window, 32U);
  EXPECT_TRUE(config->tie_word_embeddings) << "there is no output.weight";
  EXPECT_FALSE(config->attention_bias);
  EXPECT_THAT(config->eos_token_ids, ElementsAre(2, 7));
}

TEST(GgufConfig, TakesHeadDimFromTheKeyLength) {
  const auto config =
      read_gguf(llama_gguf()
                    .value("llama.attention.key_length", MetadataType::kUint32, std::uint32_t{16})
                    .value("llama.attention.value_length", MetadataType::kUint32, std::uint32_t{16})
                    .value("llama.rope.dimension_count", MetadataType::kUint32, std::uint32_t{16}));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->head_dim, 16U);
}

TEST(GgufConfig, ReadsALinearScalingByItsOldKeyToo) {
  const auto factor_of = [](const GgufBuilder& file) {
    const auto config = read_gguf(file);
    EXPECT_TRUE(config) << config.error().message;
    const bool linear = config->rope_scaling.kind == RopeScaling::Kind::kLinear;
    return linear ? config->rope_scaling.factor : 0.0;
  };
  const auto with = [](std::string_view key, float factor) {
    return llama_gguf().value(key, MetadataType::kFloat32, factor);
  };
  constexpr std::string_view kType = "llama.rope.scaling.type";
  EXPECT_EQ(factor_of(llama_gguf()), 0.0);
  EXPECT_EQ(factor_of(with("llama.rope.scale_linear", 4.0F)), 4.0);
  EXPECT_EQ(factor_of(with("llama.rope.scale_linear", 4.0F).text(kType, "linear")), 4.0);
  EXPECT_EQ(factor_of(with("llama.rope.scaling.factor", 2.0F)), 2.0);
  EXPECT_EQ(factor_of(with("llama.rope.scaling.factor", 2.0F)
                          .value("llama.rope.scale_linear", MetadataType::kFloat32, 4.0F)),
            2.0);
  EXPECT_EQ(factor_of(with("llama.rope.scale_linear", 4.0F).text(kType, "none")), 0.0);
}

TEST(GgufConfig, NamesTheKeyThatIsWrong) {
  const auto message = [](const GgufBuilder& file) {
    const auto config = read_gguf(file);
    return config ? std::string("no error") : config.error().message;
  };
  const auto number = [](std::string_view key, std::uint32_t value) {
    return llama_gguf().value(key, MetadataType::kUint32, value);
  };
  EXPECT_THAT(message(number("llama.rope.dimension_count", 2)),
              HasSubstr("llama.rope.dimension_count: expected 4"));
  EXPECT_THAT(message(number("llama.attention.value_length", 8)),
              HasSubstr("llama.attention.value_length: expected 4"));
  EXPECT_THAT(message(number("llama.expert_count", 1 << 16)),
              HasSubstr("llama.expert_count: expected at most 65536 in all layers"));
  EXPECT_THAT(message(number("llama.expert_count", 1)),
              HasSubstr("llama.expert_used_count: expected an integer from 1 to 1"));
  EXPECT_THAT(message(llama_gguf().text("llama.rope.scaling.type", "yarn")),
              HasSubstr("llama.rope.scaling.type: expected one of"));
  EXPECT_THAT(message(llama_gguf().text("llama.rope.scaling.type", "linear")),
              HasSubstr("llama.rope.scaling.factor: expected"));
  EXPECT_THAT(message(GgufBuilder().text("general.architecture", "llama")),
              HasSubstr("llama.embedding_length"));
  EXPECT_THAT(message(GgufBuilder().text("general.architecture", "bert")),
              HasSubstr("general.architecture: expected one of llama, mistral"));
  EXPECT_THAT(message(GgufBuilder()), HasSubstr("general.architecture"));
}

}  // namespace
}  // namespace bora
