// What the configs of the families beside Llama say.
#include "model/model_config.h"
#include "model/registry.h"
#include "tests/model/tiny_checkpoint.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace bora {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::kTinyConfig;
using testing::TinyCheckpoint;
using testing::with_key;

Result<ModelConfig> read_json(std::string_view config) {
  TinyCheckpoint tiny;
  tiny.config = config;
  Result<Checkpoint> checkpoint = tiny.open();
  if (!checkpoint) return std::move(checkpoint).error();
  return read_model_config(*checkpoint);
}

struct BadKey {
  std::string_view key;
  std::string_view value;
  std::string_view message;
};

void expect_refused(const std::string& config, std::span<const BadKey> bad_keys) {
  for (const BadKey& bad : bad_keys) {
    const auto read = read_json(with_key(config, bad.key, bad.value));
    ASSERT_FALSE(read) << bad.key << " = " << bad.value;
    EXPECT_EQ(read.error().code, ErrorCode::kBadModel);
    EXPECT_THAT(read.error().message, HasSubstr(bad.message));
  }
}

std::string with_architecture(std::string_view name) {
  return with_key(kTinyConfig, "architectures", fmt::format("[\"{}\"]", name));
}

// [layers], 0: no window.
std::vector<std::size_t> windows_of(const std::string& json) {
  const auto config = read_json(json);
  EXPECT_TRUE(config) << config.error().message;
  std::vector<std::size_t> windows;
  for (std::size_t i = 0; config && i < config->num_hidden_layers; ++i) {
    windows.push_back(config->window_of(i));
  }
  return windows;
}

TEST(FamilyConfig, TakesEightKeyValueHeadsWhereAMistralGivesNone) {
  std::string mistral = with_key(kTinyConfig, "architectures", R"(["MistralForCausalLM"])");
  mistral = with_key(with_key(mistral, "hidden_size", "64"), "num_attention_heads", "16");
  auto config = read_json(with_key(mistral, "num_key_value_heads", ""));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->num_key_value_heads, 8U);
  config = read_json(with_key(mistral, "num_key_value_heads", "null"));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->num_key_value_heads, 16U);
}

TEST(FamilyConfig, TakesWhatTransformersTakesWhereAQwen3GivesNoHeads) {
  std::string qwen = with_key(kTinyConfig, "architectures", R"(["Qwen3ForCausalLM"])");
  qwen = with_key(with_key(qwen, "num_attention_heads", "64"), "num_key_value_heads", "");
  const auto config = read_json(qwen);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->num_key_value_heads, 32U);
  EXPECT_EQ(config->head_dim, 128U);
}

TEST(FamilyConfig, GivesAQwenTheWindowThatItTurnsOn) {
  for (const char* name : {"Qwen2ForCausalLM", "Qwen3ForCausalLM"}) {
    const std::string off = with_key(with_architecture(name), "sliding_window", "16");
    EXPECT_THAT(windows_of(off), ElementsAre(0, 0)) << name;
    const std::string on = with_key(off, "use_sliding_window", "true");
    EXPECT_THAT(windows_of(on), ElementsAre(0, 0)) << "max_window_layers is 28";
    EXPECT_THAT(windows_of(with_key(on, "max_window_layers", "1")), ElementsAre(0, 16));
    EXPECT_THAT(windows_of(with_key(on, "max_window_layers", "0")), ElementsAre(16, 16));
    const std::string listed =
        with_key(on, "layer_types", R"(["sliding_attention", "full_attention"])");
    EXPECT_THAT(windows_of(listed), ElementsAre(16, 0));
    EXPECT_THAT(windows_of(with_key(listed, "sliding_window", "null")), ElementsAre(0, 0));
    for (const char* types : {R"(["sliding_attention"])", R"(["full_attention", "chunked"])"}) {
      const auto config = read_json(with_key(on, "layer_types", types));
      ASSERT_FALSE(config) << types;
      EXPECT_THAT(config.error().message, HasSubstr("layer_types: expected"));
    }
  }
}

constexpr std::string_view kLongRope =
    R"({"type": "longrope", "short_factor": [1, 2], "long_factor": [4, 8.5]})";

TEST(FamilyConfig, ReadsLongRopeUnderItsSeveralNames) {
  const std::string phi =
      with_key(with_architecture("Phi3ForCausalLM"), "original_max_position_embeddings", "16");
  for (const char* type : {"longrope", "su", "yarn"}) {
    for (const char* key : {"rope_scaling", "rope_parameters"}) {
      const std::string scaling = with_key(kLongRope, "type", fmt::format("\"{}\"", type));
      const auto config = read_json(with_key(phi, key, scaling));
      ASSERT_TRUE(config) << config.error().message;
      const RopeScaling& read = config->rope_scaling;
      EXPECT_EQ(read.kind, RopeScaling::Kind::kLongRope);
      EXPECT_THAT(read.short_factors, ElementsAre(1.0F, 2.0F));
      EXPECT_THAT(read.long_factors, ElementsAre(4.0F, 8.5F));
      EXPECT_EQ(read.original_max_position_embeddings, 16.0);
      EXPECT_DOUBLE_EQ(read.attention_factor, std::sqrt(1.5)) << "1 + ln 4 / ln 16";
    }
  }
  const auto given =
      read_json(with_key(phi, "rope_scaling", with_key(kLongRope, "attention_factor", "1.125")));
  EXPECT_EQ(given->rope_scaling.attention_factor, 1.125);
  const auto plain = read_json(with_key(phi, "rope_scaling", "null"));
  EXPECT_EQ(plain->rope_scaling.kind, RopeScaling::Kind::kNone);
}

TEST(FamilyConfig, KeepsToTheOriginalContextOfLongRopeWhereNobodyAsksForMore) {
  std::string phi = with_key(with_architecture("Phi3ForCausalLM"), "rope_scaling", kLongRope);
  phi = with_key(phi, "max_position_embeddings", "131072");
  EXPECT_EQ(read_json(phi)->usual_context(), 4096U);
  EXPECT_EQ(read_json(with_key(phi, "original_max_position_embeddings", "32"))->usual_context(),
            131072U)
      << "32 positions are of no use";
  EXPECT_EQ(read_json(with_key(phi, "rope_scaling", "null"))->usual_context(), 131072U);
}

TEST(FamilyConfig, TurnsAPartOfEachHeadOfAPhiOnly) {
  const std::string phi = with_architecture("Phi3ForCausalLM");
  EXPECT_EQ(read_json(phi)->rotary_dim, 4U);
  EXPECT_EQ(read_json(with_key(phi, "partial_rotary_factor", "0.5"))->rotary_dim, 2U);
  EXPECT_EQ(
      read_json(with_key(phi, "rope_parameters", R"({"partial_rotary_factor": 0.5})"))->rotary_dim,
      2U);
}

TEST(FamilyConfig, NamesTheKeyOfAPhiThatIsWrong) {
  const BadKey bad_keys[] = {
      {"rope_scaling", R"({"type": "linear", "factor": 2})", "rope_scaling.type: expected one of"},
      {"rope_scaling", R"({"type": "su", "short_factor": [1, 2], "long_factor": [1]})",
       "rope_scaling.long_factor: expected 2 numbers"},
      {"rope_scaling", R"({"type": "su", "short_factor": [1, 0], "long_factor": [1, 2]})",
       "rope_scaling.short_factor: expected numbers from"},
      {"rope_scaling", R"({"type": "su", "long_factor": [1, 2]})", "short_factor: expected"},
      {"partial_rotary_factor", "0.3", "partial_rotary_factor: expected an even number"},
      {"partial_rotary_factor", "0", "partial_rotary_factor: expected an even number"},
      {"attention_bias", "true", "attention_bias: expected false"},
      {"sliding_window", "0", "sliding_window: expected"},
  };
  expect_refused(with_architecture("Phi3ForCausalLM"), bad_keys);
}

TEST(FamilyConfig, ReadsTheKeysOfAGemma2) {
  const std::string gemma = with_architecture("Gemma2ForCausalLM");
  auto config = read_json(gemma);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->head_dim, 256U);
  EXPECT_EQ(config->hidden_act, Activation::kGeluTanh);
  EXPECT_EQ(config->query_pre_attn_scalar, 256.0);
  EXPECT_EQ(config->attn_logit_softcapping, 50.0);
  EXPECT_EQ(config->final_logit_softcapping, 30.0);
  EXPECT_TRUE(config->tie_word_embeddings);
  EXPECT_THAT(windows_of(gemma), ElementsAre(4096, 0));
  config = read_json(
      with_key(with_key(gemma, "attn_logit_softcapping", "null"), "final_logit_softcapping", "8"));
  EXPECT_EQ(config->attn_logit_softcapping, 0.0);
  EXPECT_EQ(config->final_logit_softcapping, 8.0);
  const std::string listed =
      with_key(gemma, "layer_types", R"(["full_attention", "sliding_attention"])");
  EXPECT_THAT(windows_of(with_key(listed, "sliding_window", "16")), ElementsAre(0, 16));
}

TEST(FamilyConfig, NamesTheKeyOfAGemma2ThatIsWrong) {
  const BadKey bad_keys[] = {
      {"hidden_activation", "\"silu\"", "hidden_activation: expected one of gelu_pytorch_tanh"},
      {"attn_logit_softcapping", "0", "attn_logit_softcapping: expected a number"},
      {"final_logit_softcapping", "-8", "final_logit_softcapping: expected a number"},
      {"query_pre_attn_scalar", "0", "query_pre_attn_scalar: expected a number"},
      {"use_bidirectional_attention", "true", "use_bidirectional_attention: expected false"},
  };
  expect_refused(with_architecture("Gemma2ForCausalLM"), bad_keys);
}

TEST(FamilyConfig, ReadsTheKeysOfAMixtral) {
  const std::string mixtral =
      with_key(with_architecture("MixtralForCausalLM"), "num_key_value_heads", "2");
  auto config = read_json(mixtral);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->num_local_experts, 8U);
  EXPECT_EQ(config->num_experts_per_tok, 2U);
  EXPECT_EQ(config->rope_theta, 1e6);
  EXPECT_FLOAT_EQ(config->rms_norm_eps, 1e-5F);
  EXPECT_THAT(windows_of(mixtral), ElementsAre(0, 0));
  EXPECT_THAT(windows_of(with_key(mixtral, "sliding_window", "16")), ElementsAre(16, 16));
}

TEST(FamilyConfig, NamesTheKeyOfAMixtralThatIsWrong) {
  const BadKey bad_keys[] = {
      {"num_local_experts", "0", "num_local_experts: expected"},
      {"num_local_experts", "65536", "num_local_experts: expected at most 65536 in all layers"},
      {"num_experts_per_tok", "9", "num_experts_per_tok: expected an integer from 1 to 8"},
      {"num_experts_per_tok", "0", "num_experts_per_tok: expected"},
      {"hidden_act", "\"gelu\"", "hidden_act: expected one of silu"},
  };
  expect_refused(with_architecture("MixtralForCausalLM"), bad_keys);
}

}  // namespace
}  // namespace bora
