// What quantized weights cost, end to end, with the arithmetic that `bora run` uses. Needs SmolLM2
// whose weights lie on no 4-bit grid: BORA_TEST_SMOLLM2_ROTATED is the folder that
// tools/smollm2_checkpoint.py makes with --rotate.
#include "api/model_plan.h"
#include "base/mapped_file.h"
#include "evaluate/perplexity.h"
#include "formats/checkpoint.h"
#include "tests/base/temp_folder.h"
#include "text/tokenizer.h"
#include <bora/llm.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace bora {
namespace {

const std::filesystem::path kData = std::filesystem::path(BORA_TEST_DATA_DIR) / "golden";

LlmOptions options(std::optional<DType> weights, const std::filesystem::path& cache) {
  LlmOptions options;
  options.weights = weights;
  options.weights_cache = cache;
  options.threads = 2;
  options.context_length = 512;
  return options;
}

TEST(QuantizedWeights, StayNearTheStoredOnes) {
  const char* model = std::getenv("BORA_TEST_SMOLLM2_ROTATED");  // NOLINT(concurrency-mt-unsafe)
  if (model == nullptr) GTEST_SKIP() << "BORA_TEST_SMOLLM2_ROTATED names no model";
  const testing::TempFolder folder;
  Result<Llm> stored = Llm::open(model, options(std::nullopt, folder.path()));
  ASSERT_TRUE(stored) << stored.error().message;
  EXPECT_EQ(stored->info().weights, "bf16");
  const Result<std::string> text = read_text_file(kData / "inputs/eval.txt", 1 << 20);
  ASSERT_TRUE(text);
  std::vector<TokenId> ids = *stored->tokenizer()->encode(*text);
  ASSERT_GT(ids.size(), 512);
  ids.resize(512);

  struct Case {
    DType weights;
    const char* name;
    double kl_mean;  // the bound that issue 4 sets
  };
  for (const Case& expected :
       {Case{DType::kQ8_0, "int8", 0.004}, Case{DType::kQ4_0, "int4", 0.45}}) {
    Result<Llm> llm = Llm::open(model, options(expected.weights, folder.path()));
    ASSERT_TRUE(llm) << llm.error().message;
    EXPECT_EQ(llm->info().weights, expected.name);
    EXPECT_LT(llm->info().weight_bytes, stored->info().weight_bytes);
    const Result<Divergence> found = measure_divergence(llm->engine(), stored->engine(), ids);
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_LE(found->kl_mean, expected.kl_mean) << expected.name;
    EXPECT_GT(found->kl_mean, 0.0) << expected.name;
    RecordProperty(std::string("kl_mean_") + expected.name, std::to_string(found->kl_mean));
  }
}

TEST(QuantizedWeights, AreThoseOfTheFirstStartAtTheSecond) {
  const testing::TempFolder folder;
  std::vector<TokenId> first;
  for (int start = 0; start < 2; ++start) {
    std::size_t steps = 0;
    LlmOptions wanted = options(DType::kQ4_0, folder.path());
    wanted.context_length = 64;
    wanted.on_progress = [&](const QuantizeProgress&) { ++steps; };
    Result<Llm> llm = Llm::open(kData / "models/llama2", wanted);
    ASSERT_TRUE(llm) << llm.error().message;
    EXPECT_EQ(steps > 0, start == 0);
    CompletionOptions completion;
    completion.ignore_eos = true;
    completion.max_new_tokens = 24;
    const Result<Completion> done = llm->complete(std::vector<TokenId>{5, 6, 7}, completion);
    ASSERT_TRUE(done) << done.error().message;
    if (start == 0) first = done->ids;
    EXPECT_EQ(done->ids, first);
  }
}

TEST(QuantizedWeights, TakeTheBytesThatWerePlanned) {
  const testing::TempFolder folder;
  for (const DType dtype : {DType::kQ8_0, DType::kQ4_0}) {
    LlmOptions wanted = options(dtype, folder.path());
    wanted.context_length = 64;
    const Result<ModelPlan> plan = plan_model(kData / "models/llama2", wanted);
    ASSERT_TRUE(plan) << plan.error().message;
    const Result<Llm> llm = Llm::open(kData / "models/llama2", wanted);
    ASSERT_TRUE(llm) << llm.error().message;
    EXPECT_EQ(plan->wanted.weights.bytes.total(), llm->info().weight_bytes);
  }
}

TEST(QuantizedWeights, AreOfATypeThatThereIsACodecFor) {
  LlmOptions wanted = options(DType::kQ4_1, {});
  wanted.context_length = 64;
  const Result<Llm> llm = Llm::open(kData / "models/llama2", wanted);
  ASSERT_FALSE(llm);
  EXPECT_EQ(llm.error().code, ErrorCode::kUsage);
}

TEST(QuantizedWeights, AreNotMadeOfAModelThatCannotBe) {
  const testing::TempFolder folder;
  std::filesystem::copy(kData / "models/llama2", folder.path(),
                        std::filesystem::copy_options::recursive);
  const Result<std::string> config = read_text_file(folder.path() / "config.json", 1 << 20);
  ASSERT_TRUE(config);
  std::string wrong = *config;
  const std::size_t at = wrong.find("\"intermediate_size\": 172");
  ASSERT_NE(at, std::string::npos);
  wrong.replace(at, 24, "\"intermediate_size\": 171");
  folder.write("config.json", wrong);
  LlmOptions wanted = options(DType::kQ8_0, folder.path() / "cache");
  wanted.on_progress = [](const QuantizeProgress&) { ADD_FAILURE() << "quantized for nothing"; };
  const Result<Llm> llm = Llm::open(folder.path(), wanted);
  ASSERT_FALSE(llm);
  EXPECT_EQ(llm.error().code, ErrorCode::kBadModel);
}

}  // namespace
}  // namespace bora
