#include "api/model_plan.h"

#include "engine/engine.h"
#include "tensor/buffer.h"
#include "tests/model/sparse_checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace bora {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::SparseCheckpoint;
using testing::SparseShape;
using ::testing::StartsWith;

const std::filesystem::path kModels = std::filesystem::path(BORA_TEST_DATA_DIR) / "golden/models";
constexpr std::size_t kGiB = std::size_t{1} << 30;

LlmOptions under(std::size_t limit) {
  LlmOptions options;
  options.threads = 1;
  options.memory_limit = limit;
  return options;
}

std::vector<std::string> names(const ModelPlan& plan) {
  std::vector<std::string> names;
  for (const ModelPlan::Row& row : plan.by_weights) names.push_back(row.weights.name);
  return names;
}

TEST(ModelPlan, RefusesSevenBillionInEightGigabytesBeforeAnythingIsLoaded) {
  const SparseCheckpoint files;
  const std::size_t before = Buffer::allocated_bytes();
  for (const std::optional<DType> weights : {std::optional<DType>(), {DType::kF32}}) {
    LlmOptions options = under(8 * kGiB);
    options.context_length = 8192;
    options.weights = weights;
    const Result<Llm> llm = Llm::open(files.path(), options);
    ASSERT_FALSE(llm);
    EXPECT_EQ(llm.error().code, ErrorCode::kDoesNotFit);
    EXPECT_THAT(llm.error().message,
                AllOf(HasSubstr("at most 8.00 GiB"),
                      HasSubstr(weights ? "weights 26.98 GiB" : "weights 13.49 GiB")));
    EXPECT_THAT(llm.error().hints, ElementsAre(StartsWith("--weights int8 fits: 7."),
                                               StartsWith("--weights int4 fits: 4.")));
    EXPECT_EQ(Buffer::allocated_bytes(), before);
  }
}

TEST(ModelPlan, ShowsWhatEachTypeOfWeightsWouldTake) {
  const SparseCheckpoint files;
  const Result<ModelPlan> plan = plan_model(files.path(), under(10 * kGiB));
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->architecture, "mistral");
  EXPECT_EQ(plan->stored, "bf16");
  EXPECT_FALSE(plan->wanted.plan.fits());
  EXPECT_EQ(plan->wanted.largest_context, 0U);
  ASSERT_THAT(names(*plan), ElementsAre("auto", "int8", "int4"));
  EXPECT_EQ(plan->by_weights[0].weights.bytes.mapped, files.weight_bytes());
  // All but the 65 norms, in blocks of 32 values.
  const std::size_t values = files.weight_bytes() / 2 - 65 * 4096;
  const std::size_t tables = std::size_t{2} * 32000 * 4096;
  EXPECT_EQ(plan->by_weights[1].weights.bytes.mapped, values / 32 * 34 + 65 * 8192);
  EXPECT_EQ(plan->by_weights[2].weights.bytes.mapped,
            (values - tables) / 32 * 18 + tables / 32 * 34 + 65 * 8192);
  EXPECT_EQ(plan->by_weights[1].largest_context, 32768U) << "the window's cache holds them all";
  EXPECT_THAT(plan->alternatives, SizeIs(2));
}

TEST(ModelPlan, NamesTheWantedWeightsToo) {
  LlmOptions options = under(kGiB);
  options.weights = DType::kF32;
  const Result<ModelPlan> plan = plan_model(kModels / "llama2", options);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_TRUE(plan->wanted.plan.fits());
  EXPECT_THAT(plan->alternatives, IsEmpty());
  EXPECT_EQ(names(*plan).front(), "f32");
  EXPECT_GT(plan->wanted.plan.bytes.weights.converted, 0U);
  EXPECT_EQ(plan->wanted.largest_context, 4096U);
}

TEST(ModelPlan, IsWhatAnOpenModelTakesOfEveryFamily) {
  for (const auto& folder : std::filesystem::directory_iterator(kModels)) {
    const std::filesystem::path& model = folder.path();
    for (const std::optional<DType> weights :
         {std::optional<DType>(), {DType::kF32}, {DType::kQ8_0}}) {
      LlmOptions options = under(kGiB);
      options.weights = weights;
      options.max_sequences = weights ? 1 : 5;
      if (weights == DType::kQ8_0) options.load = LoadMode::kCopy;
      const Result<ModelPlan> plan = plan_model(model, options);
      ASSERT_TRUE(plan) << model << ": " << plan.error().message;
      const MemoryBytes& bytes = plan->wanted.plan.bytes;
      const std::size_t before = Buffer::allocated_bytes();
      const Result<Llm> llm = Llm::open(model, options);
      ASSERT_TRUE(llm) << model << ": " << llm.error().message;
      // The rope table of the scratch is no buffer.
      const std::uint64_t buffers = bytes.weights.converted + bytes.weights.copied + bytes.kv +
                                    bytes.workspace + bytes.logits;
      EXPECT_GE(Buffer::allocated_bytes() - before, buffers) << model;
      EXPECT_LE(Buffer::allocated_bytes() - before, buffers + bytes.scratch) << model;
      EXPECT_EQ(llm->info().weight_bytes, bytes.weights.total()) << model;
      EXPECT_EQ(llm->info().context_length, plan->wanted.plan.context_length) << model;
    }
  }
}

// 200 layers of 2^14 heads of 2^10 values, in a sparse file of 52 GB: its cache of 2^30 positions
// has more bytes than 64 bits count.
TEST(ModelPlan, OfAFileWithTheLargestNumbersNeverLooksSmall) {
  const SparseCheckpoint files(SparseShape{.architecture = "LlamaForCausalLM",
                                           .hidden = 2,
                                           .intermediate = 2,
                                           .layers = 200,
                                           .heads = 1 << 14,
                                           .kv_heads = 1 << 14,
                                           .head_dim = 1 << 10,
                                           .vocab = 8,
                                           .positions = 1 << 30,
                                           .window = 0});
  LlmOptions options = under(std::numeric_limits<std::size_t>::max());
  options.context_length = 1 << 30;
  options.kv = DType::kF32;
  const Result<ModelPlan> plan = plan_model(files.path(), options);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->wanted.plan.bytes.kv, kUncountable);
  EXPECT_FALSE(plan->wanted.plan.fits());
  const Result<Llm> llm = Llm::open(files.path(), options);
  ASSERT_FALSE(llm);
  EXPECT_EQ(llm.error().code, ErrorCode::kDoesNotFit);
}

TEST(ModelPlan, ReportsWhatIsWrongWithModelAndOptions) {
  EXPECT_EQ(plan_model(kModels / "nothing_here", {}).error().code, ErrorCode::kNotFound);
  LlmOptions options;
  options.context_length = 4097;
  EXPECT_EQ(plan_model(kModels / "llama2", options).error().code, ErrorCode::kUsage);
  const SparseCheckpoint broken(SparseShape{.layers = 1, .heads = 3});
  EXPECT_EQ(plan_model(broken.path(), {}).error().code, ErrorCode::kBadModel);
}

TEST(ModelPlan, SpellsTypesAsTheFlagsDo) {
  EXPECT_EQ(weights_flag(std::nullopt), "auto");
  EXPECT_EQ(weights_flag(DType::kBF16), "bf16");
  EXPECT_EQ(weights_flag(DType::kQ8_0), "int8");
  EXPECT_EQ(weights_flag(DType::kQ4_0), "int4");
}

}  // namespace
}  // namespace bora
