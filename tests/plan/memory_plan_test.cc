#include "plan/memory_plan.h"

#include "formats/checkpoint.h"
#include "model/registry.h"
#include "plan/memory_planner.h"
#include "tests/model/sparse_checkpoint.h"
#include "tests/plan/plan_testing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace bora {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::kGiB;
using testing::kMiB;
using testing::mistral_config;
using testing::one_thread;
using testing::PaperModel;
using testing::SparseCheckpoint;
using testing::SparseShape;

constexpr std::size_t kMistralBytes = 14483464192;  // bf16

MemoryPlan plan_of(const Model& model, const MemoryOptions& options) {
  const auto backend = one_thread();
  const auto planner = MemoryPlanner::create(model, *backend, options);
  EXPECT_TRUE(planner) << planner.error().message;
  return planner->plan(planner->wanted());
}

TEST(MemoryPlan, AddsUpWhatAMistralTakes) {
  const PaperModel model(mistral_config(), kMistralBytes);
  const auto backend = one_thread();
  const auto plan = plan_memory(model, *backend, {.memory_limit = 20 * kGiB});
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->context_length, 8192U);
  EXPECT_EQ(plan->bytes.weights.mapped, kMistralBytes);
  EXPECT_EQ(plan->bytes.weights.converted, 0U);
  EXPECT_EQ(plan->bytes.kv, 73U * 64 * 131072) << "the window's blocks, f16";
  EXPECT_EQ(plan->bytes.workspace, 512U * (5 * 4096 + 2 * 14336) * 4);
  EXPECT_EQ(plan->bytes.logits, 512U * 32000 * 4);
  EXPECT_EQ(plan->bytes.scratch, backend->reserve_bytes(512, 14336));
  EXPECT_EQ(plan->bytes.total(), plan->bytes.weights.mapped + plan->bytes.kv +
                                     plan->bytes.workspace + plan->bytes.logits +
                                     plan->bytes.scratch + plan->bytes.tables);
}

TEST(MemoryPlan, GivesASlidingWindowNoMoreThanItNeeds) {
  ModelConfig config = mistral_config();
  const PaperModel windowed(config);
  config.sliding_window = 0;
  const PaperModel whole(config);
  const MemoryOptions options{.context_length = 32768, .memory_limit = 20 * kGiB};
  EXPECT_EQ(plan_of(windowed, options).bytes.kv, 73U * 64 * 131072);
  EXPECT_EQ(plan_of(whole, options).bytes.kv, 4 * kGiB);
}

TEST(MemoryPlan, HasATokenAndARowOfLogitsForEverySequence) {
  const PaperModel model(mistral_config());
  const MemoryPlan plan = plan_of(
      model,
      {.context_length = 64, .prefill_chunk = 8, .max_sequences = 16, .memory_limit = 20 * kGiB});
  EXPECT_EQ(plan.chunk, 8U);
  EXPECT_EQ(plan.step_tokens, 16U);
  EXPECT_EQ(plan.logits_rows, 16U);
  EXPECT_EQ(plan.kv_blocks, 16U);
}

TEST(MemoryPlan, GivesManySequencesHalfOfWhatIsLeftAndOneItsWholeContext) {
  const PaperModel model(mistral_config());
  MemoryOptions options{.context_length = 4096, .max_sequences = 100, .memory_limit = 8 * kGiB};
  EXPECT_EQ(plan_of(model, options).bytes.kv, 4 * kGiB);
  options.memory_limit = 700 * kMiB;
  EXPECT_EQ(plan_of(model, options).kv_blocks, 64U) << "4096 positions, though half holds fewer";
  options.kv_blocks = 10;
  EXPECT_EQ(plan_of(model, options).kv_blocks, 10U);
}

TEST(MemoryPlan, HalvesTheDefaultContextUntilTheCacheTakesHalfOfWhatIsLeft) {
  ModelConfig config = mistral_config();
  config.sliding_window = 0;
  const PaperModel model(config, 2 * kGiB);
  const auto context_of = [&](std::size_t limit) {
    return plan_of(model, {.memory_limit = limit}).context_length;
  };
  EXPECT_EQ(context_of(16 * kGiB), 8192U);
  EXPECT_EQ(context_of(4 * kGiB), 8192U) << "1 GiB of 2";
  EXPECT_EQ(context_of(4 * kGiB - 1), 4096U);
  EXPECT_EQ(context_of(1 * kGiB), 512U) << "never below, fit or not";
}

TEST(MemoryPlan, FitsToTheByte) {
  const PaperModel model(mistral_config(), kMistralBytes);
  const auto backend = one_thread();
  MemoryOptions options{.context_length = 4096, .memory_limit = 20 * kGiB};
  const std::uint64_t total = plan_of(model, options).bytes.total();
  options.memory_limit = total;
  EXPECT_TRUE(plan_memory(model, *backend, options));
  options.memory_limit = total - 1;
  const auto refused = plan_memory(model, *backend, options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kDoesNotFit);
}

TEST(MemoryPlan, FindsTheLongestContextThatFits) {
  ModelConfig config = mistral_config();
  config.sliding_window = 0;
  const PaperModel model(config, 2 * kGiB);
  const auto backend = one_thread();
  for (const std::size_t limit : {2 * kGiB, 2300 * kMiB, 3 * kGiB, 5 * kGiB, 100 * kGiB}) {
    const auto planner = MemoryPlanner::create(model, *backend, {.memory_limit = limit});
    ASSERT_TRUE(planner);
    MemoryChoice choice = planner->wanted();
    const std::size_t longest = planner->largest_context(choice);
    if (longest > 0) {
      choice.context_length = longest;
      EXPECT_TRUE(planner->plan(choice).fits()) << longest;
    }
    choice.context_length = longest + 1;
    EXPECT_TRUE(longest == config.max_position_embeddings || !planner->plan(choice).fits())
        << longest << " of " << limit;
  }
}

TEST(MemoryPlan, ChecksItsOptions) {
  const PaperModel model(mistral_config());
  const auto backend = one_thread();
  const std::pair<MemoryOptions, std::string_view> cases[] = {
      {{.context_length = 32769}, "--ctx: expected at most 32768"},
      {{.prefill_chunk = 0}, "--prefill-chunk: expected 1 to 16384, found 0"},
      {{.prefill_chunk = 16385}, "--prefill-chunk: expected"},
      {{.max_sequences = 0}, "sequences: expected 1 to"},
      {{.max_sequences = std::numeric_limits<std::size_t>::max()}, "sequences: expected 1 to"},
      {{.kv_dtype = DType::kQ8_0}, "--kv: expected f32, f16 or bf16, found q8_0"},
  };
  for (const auto& [options, message] : cases) {
    const auto plan = plan_memory(model, *backend, options);
    ASSERT_FALSE(plan) << message;
    EXPECT_EQ(plan.error().code, ErrorCode::kUsage);
    EXPECT_THAT(plan.error().message, HasSubstr(message));
  }
}

// The largest numbers that a config may state (model/decoder_config.cc), and those that only a
// caller could give.
TEST(MemoryPlan, OfAHostileConfigNeverLooksSmall) {
  ModelConfig config;
  config.hidden_size = 1 << 20;
  config.intermediate_size = 1 << 20;
  config.num_hidden_layers = 1 << 14;
  config.num_attention_heads = 1 << 14;
  config.num_key_value_heads = 1 << 14;
  config.head_dim = 1 << 10;
  config.vocab_size = 1 << 24;
  config.max_position_embeddings = 1 << 30;
  const PaperModel model(config);
  const auto backend = one_thread();
  constexpr std::size_t kMost = std::numeric_limits<std::size_t>::max();
  for (const std::size_t limit : {std::size_t{0}, kGiB, kMost}) {
    const MemoryOptions options{.context_length = 1 << 30,
                                .prefill_chunk = 1 << 14,
                                .max_sequences = 1 << 14,
                                .kv_dtype = DType::kF32,
                                .memory_limit = limit};
    const auto plan = plan_memory(model, *backend, options);
    ASSERT_FALSE(plan) << limit;
    EXPECT_EQ(plan.error().code, ErrorCode::kDoesNotFit);
    EXPECT_THAT(plan.error().message, HasSubstr("found 16 EiB or more needed"));
  }
  // No context at all fits, and the search for one ends.
  const auto planner = MemoryPlanner::create(model, *backend, {.memory_limit = kGiB});
  EXPECT_EQ(planner->largest_context(planner->wanted()), 0U);
}

TEST(MemoryPlan, WithoutAnyLimitHoldsAllThatCanBeCounted) {
  const PaperModel model(mistral_config(), kMistralBytes);
  const auto backend = one_thread();
  const auto plan =
      plan_memory(model, *backend, {.memory_limit = std::numeric_limits<std::size_t>::max()});
  EXPECT_TRUE(plan) << plan.error().message;
}

TEST(MemoryPlan, OfAnOutlineIsThatOfTheModelItOutlines) {
  const SparseCheckpoint files(SparseShape{.hidden = 64,
                                           .intermediate = 96,
                                           .layers = 2,
                                           .heads = 4,
                                           .kv_heads = 2,
                                           .head_dim = 16,
                                           .vocab = 128,
                                           .positions = 512,
                                           .window = 64});
  const auto checkpoint = Checkpoint::open(files.path());
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  for (const std::optional<DType> weights : {std::optional<DType>(), {DType::kF32}}) {
    const auto outline = outline_model(*checkpoint, weights);
    const auto model = load_model(*checkpoint, {.weights = weights, .threads = 1});
    ASSERT_TRUE(outline && model);
    const MemoryPlan before = plan_of(**outline, {.memory_limit = kGiB});
    const MemoryPlan after = plan_of(**model, {.memory_limit = kGiB});
    EXPECT_EQ(before.bytes.total(), after.bytes.total());
    EXPECT_EQ(before.bytes.weights.converted, (*model)->owned_bytes());
    EXPECT_EQ(before.bytes.weights.total(), (*model)->weight_bytes());
  }
}

TEST(MemoryPlan, OfASevenBillionModelIsMadeWithoutReadingIt) {
  const SparseCheckpoint files;
  const auto checkpoint = Checkpoint::open(files.path());
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  const auto outline = outline_model(*checkpoint, std::nullopt);
  ASSERT_TRUE(outline) << outline.error().message;
  EXPECT_EQ((*outline)->weight_bytes(), kMistralBytes);
  const auto backend = one_thread();
  const auto plan = plan_memory(**outline, *backend, {.memory_limit = 8 * kGiB});
  ASSERT_FALSE(plan);
  EXPECT_THAT(plan.error().message,
              AllOf(HasSubstr("memory: expected at most 8.00 GiB"), HasSubstr("weights 13.49 GiB"),
                    HasSubstr("KV cache of 512 positions 64.00 MiB")));
}

// A smaller Mistral, of half the layers and a fourth of the width.
ModelConfig small_config() {
  ModelConfig config = mistral_config();
  config.hidden_size = 1024;
  config.intermediate_size = 4096;
  config.num_hidden_layers = 16;
  config.num_attention_heads = 8;
  config.num_key_value_heads = 2;
  config.sliding_window = 0;
  return config;
}

TEST(MemoryPlan, CountsADraftModelWithItsCacheAndItsWorkspace) {
  const PaperModel model(mistral_config(), kMistralBytes);
  const PaperModel draft(small_config(), kGiB);
  MemoryOptions options{.context_length = 4096, .max_sequences = 8, .memory_limit = 30 * kGiB};
  const MemoryPlan without = plan_of(model, options);
  options.draft = &draft;
  const MemoryPlan plan = plan_of(model, options);
  EXPECT_EQ(plan.draft.lanes, 4U) << "more sequences have no drafts";
  EXPECT_EQ(plan.draft.lane_blocks, 64U);
  EXPECT_EQ(plan.draft.kv, 4U * 64 * 64 * (16U * 2 * 2 * 128 * 2));
  EXPECT_EQ(plan.draft.workspace, (512U * (5 * 1024 + 2 * 4096) + 32000U) * 4);
  EXPECT_EQ(plan.draft.weights.total(), kGiB);
  EXPECT_EQ(plan.bytes.draft, plan.draft.total());
  EXPECT_EQ(plan.bytes.total(), without.bytes.total() + plan.bytes.draft);
  EXPECT_EQ(plan.max_columns, model.max_columns());

  options.draft_weights = WeightBytes{.mapped = kGiB / 2, .converted = 0};
  EXPECT_EQ(plan_of(model, options).bytes.total(), plan.bytes.total() - kGiB / 2);
}

TEST(MemoryPlan, HasScratchForTheWiderOfBothModels) {
  ModelConfig config = small_config();
  config.intermediate_size = 20000;
  const PaperModel model(mistral_config());
  const PaperModel draft(config);
  const MemoryPlan plan = plan_of(model, {.memory_limit = 30 * kGiB, .draft = &draft});
  EXPECT_EQ(plan.max_columns, draft.max_columns());
  EXPECT_EQ(plan.bytes.scratch, one_thread()->reserve_bytes(512, draft.max_columns()));
}

TEST(MemoryPlan, EndsADraftModelsTextsWithItsOwnContext) {
  ModelConfig config = small_config();
  config.max_position_embeddings = 2048;
  const PaperModel model(mistral_config());
  const PaperModel draft(config);
  const MemoryPlan plan =
      plan_of(model, {.context_length = 4096, .memory_limit = 30 * kGiB, .draft = &draft});
  EXPECT_EQ(plan.context_length, 4096U);
  EXPECT_EQ(plan.draft.context_length, 2048U);
  EXPECT_EQ(plan.draft.lane_blocks, 32U);
}

TEST(MemoryPlan, SaysWhereADraftModelIsTooMuch) {
  const PaperModel model(mistral_config(), kMistralBytes);
  const PaperModel draft(small_config(), kGiB);
  const auto backend = one_thread();
  MemoryOptions options{.context_length = 4096, .memory_limit = 20 * kGiB, .draft = &draft};
  options.memory_limit = plan_of(model, options).bytes.total();
  EXPECT_TRUE(plan_memory(model, *backend, options));
  options.memory_limit = *options.memory_limit - 1;
  const auto refused = plan_memory(model, *backend, options);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr(", draft model 1."));
  EXPECT_THAT(refused.error().hints.front(), HasSubstr("without the draft model it fits: "));
}

}  // namespace
}  // namespace bora
