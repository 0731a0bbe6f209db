#include "api/model_plan.h"
#include "base/cpu_topology.h"
#include "engine/engine.h"
#include "tests/base/temp_folder.h"
#include "text/tokenizer.h"
#include <bora/llm.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

namespace bora {
namespace {

using ::testing::HasSubstr;

const std::filesystem::path kModels = std::filesystem::path(BORA_TEST_DATA_DIR) / "golden/models";

std::optional<std::filesystem::path> smollm2() {
  const char* path = std::getenv("BORA_TEST_SMOLLM2");  // NOLINT(concurrency-mt-unsafe)
  if (path == nullptr) return std::nullopt;
  return std::filesystem::path(path);
}

// The example of include/bora/llm.h, to be compiled and run.
std::string answer(const std::filesystem::path& model, const std::string& question) {
  std::string streamed;
  Result<Llm> llm = Llm::open(model);
  if (!llm) return llm.error().message;
  Result<Completion> done = llm->chat({{"user", question}},
                                      {.sampling = {},
                                       .max_new_tokens = 24,
                                       .stop = {},
                                       .ignore_eos = false,
                                       .interrupted = nullptr},
                                      [&](std::string_view text) {
                                        streamed += text;
                                        return true;
                                      });
  if (!done) return done.error().message;
  EXPECT_EQ(streamed, done->text);
  return done->text;
}

TEST(Llm, AnswersAQuestion) {
  const auto model = smollm2();
  if (!model) GTEST_SKIP() << "BORA_TEST_SMOLLM2 names no model";
  EXPECT_THAT(answer(*model, "What is the capital of France?"), HasSubstr("Paris"));
}

TEST(Llm, NeedsNoTokenizerToCompleteIds) {
  Result<Llm> llm = Llm::open(kModels / "llama2");
  ASSERT_TRUE(llm) << llm.error().message;
  EXPECT_EQ(llm->tokenizer(), nullptr);
  CompletionOptions options;
  options.max_new_tokens = 4;
  options.ignore_eos = true;
  const Result<Completion> done = llm->complete(std::vector<TokenId>{5, 6, 7}, options);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->prompt_ids, (std::vector<TokenId>{5, 6, 7}));
  EXPECT_EQ(done->ids.size(), 4);
  EXPECT_EQ(done->text, "");
  EXPECT_EQ(done->finish_reason, FinishReason::kLength);

  const Result<Completion> text = llm->complete("abc");
  ASSERT_FALSE(text);
  EXPECT_THAT(text.error().message, HasSubstr("llama2: expected a tokenizer"));
}

std::vector<TokenId> greedy_ids(Llm& llm) {
  CompletionOptions options;
  options.max_new_tokens = 12;
  options.ignore_eos = true;
  const Result<Completion> done = llm.complete(std::vector<TokenId>{5, 6, 7}, options);
  EXPECT_TRUE(done) << done.error().message;
  return done ? done->ids : std::vector<TokenId>();
}

TEST(Llm, AnswersTheSameFromCopiedWeights) {
  for (const std::optional<DType> weights : {std::optional<DType>(), {DType::kQ8_0}}) {
    LlmOptions options;
    options.weights = weights;
    options.threads = 2;
    options.load = LoadMode::kMap;
    Result<Llm> mapped = Llm::open(kModels / "mistral_v01_swa", options);
    ASSERT_TRUE(mapped) << mapped.error().message;
    EXPECT_EQ(mapped->info().load, "map");
    std::uint64_t copied = 0;
    options.load = LoadMode::kCopy;
    options.on_progress = [&](const QuantizeProgress& step) {
      if (step.stage == QuantizeProgress::Stage::kCopying) copied = step.bytes_done;
    };
    Result<Llm> copy = Llm::open(kModels / "mistral_v01_swa", options);
    ASSERT_TRUE(copy) << copy.error().message;
    EXPECT_EQ(copy->info().load, "copy");
    EXPECT_GT(copied, 0U);
    EXPECT_EQ(copied, copy->engine().model().owned_bytes());
    EXPECT_EQ(greedy_ids(*copy), greedy_ids(*mapped));
  }
}

TEST(Llm, CopiesByItselfWhatIsReadOftenAndLeavesMemoryForOthers) {
  LlmOptions options;
  options.threads = 1;
  options.context_length = 64;
  const auto load_of = [&](std::size_t tokens, std::size_t limit) {
    options.expected_tokens = tokens;
    options.memory_limit = limit;
    const Result<Llm> llm = Llm::open(kModels / "mistral_v01_swa", options);
    return llm ? llm->info().load : llm.error().message;
  };
  const auto needed = [&] {
    options.memory_limit.reset();
    const Result<ModelPlan> plan = plan_model(kModels / "mistral_v01_swa", options);
    return plan ? plan->wanted.plan.bytes.total() : 0;
  };
  constexpr std::size_t kRoomy = std::size_t{1} << 30;
  const std::string otherwise = cpu_topology().nodes.empty() ? "map" : "copy";
  EXPECT_EQ(load_of(200, kRoomy), "copy");
  EXPECT_EQ(load_of(199, kRoomy), otherwise);
  EXPECT_EQ(load_of(200, needed() / 9 * 16), "map");  // more than half
  options.weights = DType::kQ8_0;
  EXPECT_EQ(load_of(300, kRoomy), "map");  // they are made in memory
  const testing::TempFolder cache;
  options.weights_cache = cache.path();
  EXPECT_EQ(load_of(32, kRoomy), "copy");
  EXPECT_EQ(load_of(31, kRoomy), otherwise);
  EXPECT_EQ(load_of(300, needed() / 9 * 16), "copy");
  EXPECT_EQ(load_of(300, needed() / 9 * 11), "map");  // more than three quarters
}

TEST(Llm, StopsCopyingOnCtrlC) {
  const std::atomic<bool> interrupted = true;
  LlmOptions options;
  options.load = LoadMode::kCopy;
  options.interrupted = &interrupted;
  const Result<Llm> llm = Llm::open(kModels / "llama2", options);
  ASSERT_FALSE(llm);
  EXPECT_EQ(llm.error().code, ErrorCode::kInterrupted);
}

TEST(Llm, GivesSeveralAnswersToOnePrompt) {
  LlmOptions parallel;
  parallel.max_sequences = 3;
  Result<Llm> llm = Llm::open(kModels / "llama2", parallel);
  ASSERT_TRUE(llm) << llm.error().message;
  CompletionOptions options;
  options.max_new_tokens = 6;
  options.ignore_eos = true;
  options.sampling.temperature = 1.5F;
  options.parallel = 3;
  const Result<Completion> all = llm->complete(std::vector<TokenId>{5, 6, 7}, options);
  ASSERT_TRUE(all) << all.error().message;
  ASSERT_EQ(all->others.size(), 2);
  options.parallel = 1;
  EXPECT_EQ(llm->complete(std::vector<TokenId>{5, 6, 7}, options)->ids, all->ids);
  options.sampling.seed = 2;
  EXPECT_EQ(llm->complete(std::vector<TokenId>{5, 6, 7}, options)->ids, all->others[1].ids);
}

TEST(Llm, SaysWhatItIs) {
  LlmOptions options;
  options.threads = 1;
  options.context_length = 64;
  Result<Llm> llm = Llm::open(kModels / "mistral_nemo", options);
  ASSERT_TRUE(llm) << llm.error().message;
  const LlmInfo info = llm->info();
  EXPECT_EQ(info.name, "mistral_nemo");
  EXPECT_EQ(info.architecture, "mistral");
  EXPECT_EQ(info.weights, "bf16");
  EXPECT_EQ(info.device, "cpu");
  EXPECT_EQ(info.threads, 1);
  EXPECT_EQ(info.context_length, 64);
  EXPECT_GT(info.weight_bytes, info.weight_bytes_per_token);
  EXPECT_EQ(llm->engine().context_length(), 64);
}

TEST(Llm, ConvertsWeightsWhenAsked) {
  LlmOptions options;
  options.weights = DType::kF32;
  Result<Llm> llm = Llm::open(kModels / "llama2", options);
  ASSERT_TRUE(llm) << llm.error().message;
  EXPECT_EQ(llm->info().weights, "f32");
  EXPECT_TRUE(llm->load_progress().finished);
}

// The next token's logprobs are those of the model, whatever the sampler makes of its logits.
TEST(Llm, ReportsLogprobsBeforePenaltiesAndTemperature) {
  Result<Llm> llm = Llm::open(kModels / "llama2");
  ASSERT_TRUE(llm) << llm.error().message;
  const std::vector<TokenId> prompt = {5, 6, 7};
  CompletionOptions greedy;
  greedy.max_new_tokens = 1;
  greedy.sampling.logprobs = 100;
  CompletionOptions bent = greedy;
  bent.sampling.temperature = 3.0F;
  bent.sampling.top_k = 2;
  bent.sampling.repetition_penalty = 1.5F;
  bent.sampling.presence_penalty = 1.0F;
  const Result<Completion> plain = llm->complete(prompt, greedy);
  const Result<Completion> other = llm->complete(prompt, bent);
  ASSERT_TRUE(plain && other);
  ASSERT_EQ(plain->logprobs.size(), 1);
  ASSERT_EQ(other->logprobs.size(), 1);
  const std::vector<TokenLogprob>& top = plain->logprobs[0].top;
  ASSERT_EQ(top.size(), 100);
  for (std::size_t i = 0; i < top.size(); ++i) {
    EXPECT_EQ(other->logprobs[0].top[i].id, top[i].id) << i;
    EXPECT_EQ(other->logprobs[0].top[i].logprob, top[i].logprob) << i;
  }
  // The drawn token's own is the one that the list has for it.
  const TokenId drawn = other->ids.front();
  const auto in_list = std::find_if(
      top.begin(), top.end(), [drawn](const TokenLogprob& entry) { return entry.id == drawn; });
  ASSERT_NE(in_list, top.end());
  EXPECT_EQ(other->logprobs[0].logprob, in_list->logprob);
}

TEST(Llm, EndsWhereTheInterruptFlagIsSet) {
  Result<Llm> llm = Llm::open(kModels / "llama2");
  ASSERT_TRUE(llm) << llm.error().message;
  const std::atomic<bool> interrupted = true;
  CompletionOptions options;
  options.interrupted = &interrupted;
  const Result<Completion> done = llm->complete(std::vector<TokenId>{5}, options);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->finish_reason, FinishReason::kInterrupted);
  EXPECT_THAT(done->ids, ::testing::IsEmpty());
}

TEST(Llm, NamesWhatIsWrongWithAModel) {
  const Result<Llm> missing = Llm::open(kModels / "nothing_here");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  LlmOptions options;
  options.isa = "mmx";
  const Result<Llm> isa = Llm::open(kModels / "llama2", options);
  ASSERT_FALSE(isa);
  EXPECT_EQ(isa.error().code, ErrorCode::kUsage);
}

}  // namespace
}  // namespace bora
