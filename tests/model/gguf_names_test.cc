#include "model/gguf_names.h"

#include <gtest/gtest.h>

namespace bora {
namespace {

TEST(GgufTensorName, TranslatesWhatDecodersHave) {
  EXPECT_EQ(gguf_tensor_name("model.embed_tokens.weight"), "token_embd.weight");
  EXPECT_EQ(gguf_tensor_name("model.norm.weight"), "output_norm.weight");
  EXPECT_EQ(gguf_tensor_name("lm_head.weight"), "output.weight");
  EXPECT_EQ(gguf_tensor_name("model.layers.0.input_layernorm.weight"), "blk.0.attn_norm.weight");
  EXPECT_EQ(gguf_tensor_name("model.layers.31.self_attn.q_proj.bias"), "blk.31.attn_q.bias");
  EXPECT_EQ(gguf_tensor_name("model.layers.7.self_attn.o_proj.weight"), "blk.7.attn_output.weight");
  EXPECT_EQ(gguf_tensor_name("model.layers.7.post_attention_layernorm.weight"),
            "blk.7.ffn_norm.weight");
  EXPECT_EQ(gguf_tensor_name("model.layers.7.self_attn.q_norm.weight"), "blk.7.attn_q_norm.weight");
  EXPECT_EQ(gguf_tensor_name("model.layers.7.self_attn.k_norm.weight"), "blk.7.attn_k_norm.weight");
  EXPECT_EQ(gguf_tensor_name("model.layers.7.self_attn.qkv_proj.weight"), "blk.7.attn_qkv.weight");
  EXPECT_EQ(gguf_tensor_name("model.layers.7.mlp.gate_up_proj.weight"), "blk.7.ffn_up.weight");
  EXPECT_EQ(gguf_tensor_name("model.layers.7.mlp.down_proj.weight"), "blk.7.ffn_down.weight");
}

TEST(GgufTensorName, TranslatesExpertsInOneTensorAndInTheirOwn) {
  const std::string moe = "model.layers.2.block_sparse_moe.";
  EXPECT_EQ(gguf_tensor_name(moe + "gate.weight"), "blk.2.ffn_gate_inp.weight");
  EXPECT_EQ(gguf_tensor_name(moe + "experts.w1.weight"), "blk.2.ffn_gate_exps.weight");
  EXPECT_EQ(gguf_tensor_name(moe + "experts.w2.weight"), "blk.2.ffn_down_exps.weight");
  EXPECT_EQ(gguf_tensor_name(moe + "experts.w3.weight"), "blk.2.ffn_up_exps.weight");
  EXPECT_EQ(gguf_tensor_name(moe + "experts.11.w1.weight"), "blk.2.ffn_gate.11.weight");
  EXPECT_EQ(gguf_tensor_name(moe + "experts.0.w2.weight"), "blk.2.ffn_down.0.weight");
  EXPECT_EQ(gguf_tensor_name(moe + "experts.0.w3.weight"), "blk.2.ffn_up.0.weight");
  EXPECT_EQ(gguf_tensor_name(moe + "experts.0.w4.weight"),
            "blk.2.block_sparse_moe.experts.0.w4.weight");
}

TEST(GgufTensorName, TakesTheExceptionsOfAnArchitectureFirst) {
  constexpr GgufName kExceptions[] = {{"post_attention_layernorm", "post_attention_norm"}};
  EXPECT_EQ(gguf_tensor_name("model.layers.1.post_attention_layernorm.weight", kExceptions),
            "blk.1.post_attention_norm.weight");
  EXPECT_EQ(gguf_tensor_name("model.layers.1.pre_feedforward_layernorm.weight", kExceptions),
            "blk.1.ffn_norm.weight");
  EXPECT_EQ(gguf_tensor_name("model.layers.1.post_feedforward_layernorm.weight", kExceptions),
            "blk.1.post_ffw_norm.weight");
}

TEST(GgufTensorName, LeavesOtherNamesAlone) {
  EXPECT_EQ(gguf_tensor_name("rope_freqs.weight"), "rope_freqs.weight");
  EXPECT_EQ(gguf_tensor_name("nothing"), "nothing");
  EXPECT_EQ(gguf_tensor_name(""), "");
}

}  // namespace
}  // namespace bora
