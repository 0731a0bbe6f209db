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

TEST(GgufTensorName, LeavesOtherNamesAlone) {
  EXPECT_EQ(gguf_tensor_name("rope_freqs.weight"), "rope_freqs.weight");
  EXPECT_EQ(gguf_tensor_name("nothing"), "nothing");
  EXPECT_EQ(gguf_tensor_name(""), "");
}

}  // namespace
}  // namespace bora
