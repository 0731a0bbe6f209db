// Models of shapes nobody publishes: what a config may say, the kernels can compute.
#include "tests/engine/golden.h"
#include "tests/model/tiny_checkpoint.h"

#include <gtest/gtest.h>

namespace bora {
namespace {

using testing::TinyCheckpoint;
using testing::with_key;

struct Sizes {
  std::size_t hidden;
  std::size_t intermediate;
  std::size_t heads;
  std::size_t kv_heads;
  std::size_t head_dim;
};

void reshape(TinyCheckpoint& tiny, const Sizes& sizes) {
  const std::pair<std::string_view, std::size_t> keys[] = {
      {"hidden_size", sizes.hidden},
      {"intermediate_size", sizes.intermediate},
      {"num_attention_heads", sizes.heads},
      {"num_key_value_heads", sizes.kv_heads},
      {"head_dim", sizes.head_dim}};
  for (const auto& [key, number] : keys) {
    tiny.config = with_key(tiny.config, key, std::to_string(number));
  }
  const std::size_t q = sizes.heads * sizes.head_dim;
  const std::size_t kv = sizes.kv_heads * sizes.head_dim;
  for (const std::string layer : {"model.layers.0.", "model.layers.1."}) {
    tiny.add(layer + "input_layernorm.weight", {sizes.hidden});
    tiny.add(layer + "self_attn.q_proj.weight", {q, sizes.hidden});
    tiny.add(layer + "self_attn.k_proj.weight", {kv, sizes.hidden});
    tiny.add(layer + "self_attn.v_proj.weight", {kv, sizes.hidden});
    tiny.add(layer + "self_attn.o_proj.weight", {sizes.hidden, q});
    tiny.add(layer + "post_attention_layernorm.weight", {sizes.hidden});
    tiny.add(layer + "mlp.gate_proj.weight", {sizes.intermediate, sizes.hidden});
    tiny.add(layer + "mlp.up_proj.weight", {sizes.intermediate, sizes.hidden});
    tiny.add(layer + "mlp.down_proj.weight", {sizes.hidden, sizes.intermediate});
  }
  tiny.add("model.embed_tokens.weight", {10, sizes.hidden});
  tiny.add("model.norm.weight", {sizes.hidden});
  tiny.add("lm_head.weight", {10, sizes.hidden});
}

TEST(Shapes, OfAnyEvenHeadAndAnyWidthAreComputed) {
  constexpr Sizes kSizes[] = {
      {1, 1, 1, 1, 2}, {9, 7, 3, 1, 6}, {33, 5, 2, 2, 10}, {17, 131, 5, 5, 34}, {8, 8, 3, 1, 1024}};
  for (const Sizes& sizes : kSizes) {
    TinyCheckpoint tiny;
    reshape(tiny, sizes);
    const auto checkpoint = tiny.open();
    ASSERT_TRUE(checkpoint) << checkpoint.error().message;
    for (const ComputeType compute : {ComputeType::kF32, ComputeType::kAuto}) {
      auto model = load_model(*checkpoint, {});
      ASSERT_TRUE(model) << model.error().message;
      auto backend = make_cpu_backend({.threads = 2, .compute = compute});
      auto engine = Engine::create(std::move(model).value(), std::move(backend).value(),
                                   {.prefill_chunk = 3, .compute = compute});
      ASSERT_TRUE(engine) << engine.error().message;
      Request request;
      request.prompt = {1, 2, 3, 4, 5, 6, 7};
      request.max_new_tokens = 4;
      request.ignore_eos = true;
      const auto answer =
          (*engine)->generate(request, [](const TokenEvent& /*event*/) { return true; });
      ASSERT_TRUE(answer) << answer.error().message;
      EXPECT_EQ(answer->ids.size(), 4U) << "head_dim " << sizes.head_dim;
    }
  }
}

}  // namespace
}  // namespace bora
