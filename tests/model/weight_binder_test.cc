#include "model/weight_binder.h"

#include "backend/cpu/cpu_backend.h"
#include "base/float16.h"
#include "model/registry.h"
#include "tests/model/tiny_checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace bora {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::TinyCheckpoint;
using testing::with_key;

std::string load_error(const TinyCheckpoint& tiny) {
  const Result<Checkpoint> checkpoint = tiny.open();
  if (!checkpoint) return checkpoint.error().message;
  const auto model = load_model(*checkpoint, {});
  if (model) return "no error";
  EXPECT_EQ(model.error().code, ErrorCode::kBadModel);
  return model.error().message;
}

TEST(WeightBinder, LeavesWeightsWhereTheyLie) {
  const TinyCheckpoint tiny;
  const Result<Checkpoint> checkpoint = tiny.open();
  const auto model = load_model(*checkpoint, {});
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ((*model)->weights().size(), 21U);
  EXPECT_EQ((*model)->owned_bytes(), 0U);
  EXPECT_EQ((*model)->weights().front().data,
            checkpoint->tensor("model.embed_tokens.weight")->data);
  EXPECT_EQ((*model)->weights().back().data, checkpoint->tensor("lm_head.weight")->data);
}

TEST(WeightBinder, CountsTheBytesAStepReads) {
  TinyCheckpoint tiny;
  const std::size_t layer = 2 * (8 + 64 + 32 + 32 + 64 + 8 + 3 * 96);
  const std::size_t table = std::size_t{2} * 80;
  {
    const Result<Checkpoint> checkpoint = tiny.open();
    const auto model = load_model(*checkpoint, {});
    EXPECT_EQ((*model)->weight_bytes(), 2 * layer + 16 + 2 * table);
    EXPECT_EQ((*model)->weight_bytes_per_token(), 2 * layer + 16 + table);
    EXPECT_EQ((*model)->weight_type(), "bf16");
  }
  tiny.config = with_key(tiny.config, "tie_word_embeddings", "true");
  tiny.tensors.erase("lm_head.weight");
  const Result<Checkpoint> checkpoint = tiny.open();
  const auto model = load_model(*checkpoint, {});
  EXPECT_EQ((*model)->weight_bytes(), 2 * layer + 16 + table);
  EXPECT_EQ((*model)->weight_bytes_per_token(), 2 * layer + 16 + table);
}

TEST(Model, CountsTheProductsOfATokenAndThoseOfItsLogits) {
  const TinyCheckpoint tiny;
  const Result<Checkpoint> checkpoint = tiny.open();
  const auto model = load_model(*checkpoint, {});
  ASSERT_TRUE(model) << model.error().message;
  std::size_t always = 0;
  std::size_t for_logits = 0;
  for (const Product& product : (*model)->products()) {
    EXPECT_EQ(product.dtype, DType::kBF16);
    (product.for_logits ? for_logits : always) += product.values;
  }
  const std::size_t qkv = 64 + 32 + 32;
  const std::size_t rest = 64 + 3 * 96;
  EXPECT_EQ(always, 2 * qkv + rest) << "what follows the last attention serves the logits";
  EXPECT_EQ(for_logits, rest + 80);
}

TEST(WeightBinder, ListsEverythingThatIsWrongInOneError) {
  TinyCheckpoint tiny;
  tiny.tensors.erase("model.norm.weight");
  tiny.add("lm_head.weight", {11, 8});
  tiny.add("model.layers.1.self_attn.q_proj.bias", {8});
  tiny.add("model.layers.0.mlp.up_proj.weight", {12, 8}, "I32");
  EXPECT_THAT(load_error(tiny),
              AllOf(HasSubstr("found 4 at fault"), HasSubstr("model.norm.weight is missing"),
                    HasSubstr("lm_head.weight has shape [11, 8] instead of [10, 8]"),
                    HasSubstr("model.layers.0.mlp.up_proj.weight has type I32"),
                    HasSubstr("model.layers.1.self_attn.q_proj.bias is not used")));
}

TEST(WeightBinder, CapsTheList) {
  TinyCheckpoint tiny;
  tiny.tensors.clear();
  tiny.add("other", {1});
  EXPECT_THAT(load_error(tiny), AllOf(HasSubstr("found 22 at fault"), HasSubstr("and 14 more")));
}

TEST(WeightBinder, RefusesTransposedWeightsAndOtherRanks) {
  for (const TinyCheckpoint::Dims& shape : {TinyCheckpoint::Dims{8, 4}, {32}, {4, 8, 1}, {}}) {
    TinyCheckpoint tiny;
    tiny.add("model.layers.0.self_attn.k_proj.weight", shape);
    EXPECT_THAT(load_error(tiny), HasSubstr("instead of [4, 8]"));
  }
}

TEST(WeightBinder, ReportsLayersTheConfigDoesNotKnow) {
  TinyCheckpoint tiny;
  tiny.config = with_key(tiny.config, "num_hidden_layers", "1");
  EXPECT_THAT(load_error(tiny), HasSubstr("model.layers.1.input_layernorm.weight is not used"));
}

TEST(WeightBinder, ToleratesWhatIsKnownToBeUseless) {
  TinyCheckpoint tiny;
  tiny.add("model.layers.0.self_attn.rotary_emb.inv_freq", {2}, "F32");
  EXPECT_EQ(load_error(tiny), "no error");
  tiny.config = with_key(tiny.config, "tie_word_embeddings", "true");
  EXPECT_EQ(load_error(tiny), "no error") << "lm_head.weight beside tied embeddings";
}

TEST(WeightBinder, AsksForBiasesWhereTheConfigHasThem) {
  TinyCheckpoint tiny;
  tiny.config = with_key(with_key(tiny.config, "attention_bias", "true"), "mlp_bias", "true");
  EXPECT_THAT(load_error(tiny),
              AllOf(HasSubstr("found 14 at fault"), HasSubstr("self_attn.o_proj.bias is missing")));
  for (const std::string layer : {"model.layers.0.", "model.layers.1."}) {
    tiny.add(layer + "self_attn.q_proj.bias", {8});
    tiny.add(layer + "self_attn.k_proj.bias", {4});
    tiny.add(layer + "self_attn.v_proj.bias", {4});
    tiny.add(layer + "self_attn.o_proj.bias", {8}, "F16");
    tiny.add(layer + "mlp.gate_proj.bias", {12});
    tiny.add(layer + "mlp.up_proj.bias", {12}, "F32");
    tiny.add(layer + "mlp.down_proj.bias", {8});
  }
  EXPECT_EQ(load_error(tiny), "no error");
}

TEST(WeightBinder, ConvertsLinearWeightsButNoNorms) {
  const TinyCheckpoint tiny;
  const Result<Checkpoint> checkpoint = tiny.open();
  const auto model = load_model(*checkpoint, {.weights = DType::kF32, .threads = 2});
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ((*model)->weight_type(), "f32");
  const TensorView embedding = (*model)->weights().front();
  EXPECT_EQ(embedding.dtype, DType::kF32);
  EXPECT_EQ((*model)->weights()[1].dtype, DType::kBF16) << "a norm";
  const TensorView stored = *checkpoint->tensor("model.embed_tokens.weight");
  for (std::size_t i = 0; i < 80; ++i) {
    Bf16 from;
    float to = 0.0F;
    std::memcpy(&from, stored.data + 2 * i, 2);
    std::memcpy(&to, embedding.data + 4 * i, 4);
    ASSERT_EQ(to, to_float(from)) << i;
  }
}

TEST(ModelOutline, CountsWhatLoadingWillConvertAndConvertsNothing) {
  TinyCheckpoint tiny;
  tiny.add("model.layers.0.mlp.up_proj.weight", {12, 8}, "F32");
  const Result<Checkpoint> checkpoint = tiny.open();
  for (const std::optional<DType> weights :
       {std::optional<DType>(), {DType::kF32}, {DType::kF16}}) {
    const std::size_t before = Buffer::allocated_bytes();
    const auto outline = outline_model(*checkpoint, weights);
    ASSERT_TRUE(outline) << outline.error().message;
    EXPECT_EQ(Buffer::allocated_bytes(), before);
    EXPECT_EQ((*outline)->owned_bytes(), 0U);

    const auto model = load_model(*checkpoint, {.weights = weights, .threads = 1});
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(Buffer::allocated_bytes() - before, (*model)->owned_bytes());
    EXPECT_EQ((*outline)->converted_bytes(), (*model)->owned_bytes());
    EXPECT_EQ((*outline)->converted_bytes(), (*model)->converted_bytes());
    EXPECT_EQ((*outline)->weight_bytes(), (*model)->weight_bytes());
    EXPECT_EQ((*outline)->weight_type(), (*model)->weight_type());
    EXPECT_EQ((*outline)->workspace_values(7), (*model)->workspace_values(7));
  }
  tiny.tensors.erase("model.norm.weight");
  EXPECT_EQ(outline_model(*tiny.open(), std::nullopt).error().code, ErrorCode::kBadModel);
}

TEST(WeightBinder, ConvertsNothingThatAlreadyHasTheType) {
  const TinyCheckpoint tiny;
  const Result<Checkpoint> checkpoint = tiny.open();
  const auto model = load_model(*checkpoint, {.weights = DType::kBF16, .threads = 1});
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ((*model)->owned_bytes(), 0U);
}

TEST(WeightBinder, CopiesMatricesWhereABackendIsNamed) {
  TinyCheckpoint tiny;
  tiny.add("model.layers.0.mlp.up_proj.weight", {12, 8}, "F32");
  const Result<Checkpoint> checkpoint = tiny.open();
  const auto backend = make_cpu_backend({.threads = 2});
  ASSERT_TRUE(backend.has_value());
  for (const std::optional<DType> weights : {std::optional<DType>(), {DType::kBF16}}) {
    const auto mapped = load_model(*checkpoint, {.weights = weights, .threads = 1});
    ASSERT_TRUE(mapped) << mapped.error().message;
    const std::size_t before = Buffer::allocated_bytes();
    std::vector<std::size_t> done;
    std::size_t total = 0;
    const auto on_copied = [&](std::size_t copied, std::size_t all) {
      done.push_back(copied);
      total = all;
      return true;
    };
    const auto model = load_model(
        *checkpoint,
        {.weights = weights, .threads = 1, .copy_to = backend->get(), .on_copied = on_copied});
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(Buffer::allocated_bytes() - before, (*model)->owned_bytes());
    EXPECT_EQ((*model)->owned_bytes(), (*model)->copied_bytes() + (*model)->converted_bytes());
    EXPECT_EQ((*model)->copied_bytes(), (*mapped)->copyable_bytes());
    EXPECT_EQ((*model)->copied_bytes(), total);
    EXPECT_EQ(done.back(), total);
    EXPECT_TRUE(std::ranges::is_sorted(done));
    ASSERT_EQ((*model)->weights().size(), (*mapped)->weights().size());
    for (std::size_t i = 0; i < (*model)->weights().size(); ++i) {
      const TensorView copy = (*model)->weights()[i];
      const TensorView stored = (*mapped)->weights()[i];
      ASSERT_EQ(copy.bytes(), stored.bytes());
      EXPECT_EQ(std::memcmp(copy.data, stored.data, copy.bytes()), 0) << i;
      EXPECT_EQ(copy.data == stored.data, copy.shape.rank() == 1) << "norms stay";
    }
  }
}

TEST(WeightBinder, GivesUpCopyingWhenItIsTold) {
  const TinyCheckpoint tiny;
  const Result<Checkpoint> checkpoint = tiny.open();
  const auto backend = make_cpu_backend({.threads = 1});
  ASSERT_TRUE(backend.has_value());
  const std::size_t before = Buffer::allocated_bytes();
  const auto model = load_model(
      *checkpoint,
      {.copy_to = backend->get(), .on_copied = [](std::size_t, std::size_t) { return false; }});
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, ErrorCode::kInterrupted);
  EXPECT_EQ(Buffer::allocated_bytes(), before);
}

TEST(WeightBinder, RefusesToTurnLargeValuesIntoInfinity) {
  TinyCheckpoint tiny;
  tiny.value = [](std::size_t) { return 1e6F; };
  const Result<Checkpoint> checkpoint = tiny.open();
  const auto model = load_model(*checkpoint, {.weights = DType::kF16, .threads = 2});
  ASSERT_FALSE(model);
  EXPECT_THAT(model.error().message, HasSubstr("model.embed_tokens.weight: expected values"));
}

TEST(WeightTypes, AreParsedByName) {
  EXPECT_EQ(*parse_weight_type("auto"), std::nullopt);
  EXPECT_EQ(*parse_weight_type("bf16"), DType::kBF16);
  EXPECT_EQ(*parse_weight_type("int8"), DType::kQ8_0);
  EXPECT_EQ(*parse_weight_type("int4"), DType::kQ4_0);
  EXPECT_THAT(parse_weight_type("q5").error().message,
              HasSubstr("expected auto, f32, f16, bf16, int8 or int4, found \"q5\""));
  EXPECT_EQ(parse_weight_type("q5").error().code, ErrorCode::kUsage);
}

}  // namespace
}  // namespace bora
