#include "engine/engine.h"

#include "tests/engine/golden.h"
#include "tests/model/tiny_checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace bora {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::golden_folder;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TestEngine;
using testing::TinyCheckpoint;

std::unique_ptr<TestEngine> llama(const EngineOptions& options = {}) {
  auto engine = TestEngine::open(
      golden_folder("llama2"),
      {.backend = {.threads = 1, .compute = ComputeType::kF32}, .engine = options});
  EXPECT_TRUE(engine) << engine.error().message;
  return std::move(engine).value();
}

constexpr auto kGoOn = [](const TokenEvent& /*event*/) { return true; };

Request request_of(std::vector<TokenId> prompt, std::size_t max_new_tokens = 5) {
  Request request;
  request.prompt = std::move(prompt);
  request.max_new_tokens = max_new_tokens;
  return request;
}

TEST(Engine, HandsOutEachTokenAsItComes) {
  auto engine = llama();
  std::vector<TokenId> seen;
  const auto answer = (*engine)->generate(request_of({1, 2, 3}), [&](const TokenEvent& event) {
    EXPECT_EQ(event.index, seen.size());
    EXPECT_THAT(event.top_logprobs, IsEmpty());
    seen.push_back(event.id);
    return true;
  });
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->ids, seen);
  EXPECT_EQ(seen.size(), 5U);
  EXPECT_EQ(answer->finish_reason, FinishReason::kLength);
  EXPECT_GT(answer->timings.prefill_s, 0.0);
  EXPECT_GT(answer->timings.decode_s, 0.0);
}

TEST(Engine, EndsAtAStopIdWithoutIt) {
  auto engine = llama();
  const auto ids = engine->greedy({1, 2, 3}, 5);
  Request request = request_of({1, 2, 3});
  request.stop_ids = {511, ids[2]};
  auto answer = (*engine)->generate(request, kGoOn);
  EXPECT_EQ(answer->finish_reason, FinishReason::kStop);
  EXPECT_THAT(answer->ids, ElementsAre(ids[0], ids[1]));
  request.ignore_eos = true;
  answer = (*engine)->generate(request, kGoOn);
  EXPECT_EQ(answer->finish_reason, FinishReason::kLength);
  EXPECT_EQ(answer->ids, ids);
}

TEST(Engine, EndsWhereTheCallerHasEnough) {
  auto engine = llama();
  const auto answer = (*engine)->generate(request_of({1, 2, 3}),
                                          [](const TokenEvent& event) { return event.index < 1; });
  EXPECT_EQ(answer->finish_reason, FinishReason::kStop);
  EXPECT_EQ(answer->ids.size(), 2U) << "the token at which it said so is part of the answer";
}

TEST(Engine, StopsWhenInterrupted) {
  auto engine = llama();
  std::atomic<bool> interrupted = false;
  const auto answer = (*engine)->generate(
      request_of({1, 2, 3}),
      [&](const TokenEvent& event) {
        interrupted = event.index == 2;
        return true;
      },
      &interrupted);
  EXPECT_EQ(answer->finish_reason, FinishReason::kInterrupted);
  EXPECT_EQ(answer->ids.size(), 3U);

  const auto nothing = (*engine)->generate(request_of({1, 2, 3}), kGoOn, &interrupted);
  EXPECT_EQ(nothing->finish_reason, FinishReason::kInterrupted);
  EXPECT_THAT(nothing->ids, IsEmpty());
}

TEST(Engine, EndsAtTheContext) {
  auto engine = llama({.context_length = 8});
  const auto answer = (*engine)->generate(request_of({1, 2, 3, 4, 5}, 100), kGoOn);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->finish_reason, FinishReason::kLength);
  EXPECT_EQ(answer->ids.size(), 3U);
}

TEST(Engine, FillsTheCacheOnlyWhereNoTokenIsWanted) {
  auto engine = llama({.context_length = 4});
  const auto answer = (*engine)->generate(request_of({1, 2, 3, 4}, 0), kGoOn);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_THAT(answer->ids, IsEmpty());
}

TEST(Engine, RefusesBadRequests) {
  auto engine = llama({.context_length = 8});
  Request hot = request_of({1});
  hot.sampling.temperature = -1.0F;
  const std::pair<Request, std::string_view> bad_cases[] = {
      {request_of({}), "prompt: expected at least one token"},
      {request_of({1, -1}), "prompt: expected token ids from 0 to 511, found -1"},
      {request_of({1, 512}), "prompt: expected token ids from 0 to 511, found 512"},
      {request_of({std::numeric_limits<TokenId>::max()}), "found 2147483647"},
      {request_of(std::vector<TokenId>(8, 1)),
       "prompt: expected at most 7 tokens (--ctx), found 8"},
      {hot, "--temperature: expected"},
  };
  for (const auto& [request, message] : bad_cases) {
    const auto answer = (*engine)->generate(request, kGoOn);
    ASSERT_FALSE(answer) << message;
    EXPECT_EQ(answer.error().code, ErrorCode::kUsage);
    EXPECT_THAT(answer.error().message, HasSubstr(message));
  }
  const std::vector<TokenId> too_long(9, 1);
  const auto never = [](std::size_t, TensorView) { return true; };
  EXPECT_THAT((*engine)->score(too_long, never).error().message, HasSubstr("at most 8 tokens"));
  EXPECT_FALSE((*engine)->score({}, never));
}

TEST(Engine, ScoresInOrderUntilToldToStop) {
  auto engine = llama({.prefill_chunk = 4});
  std::vector<std::size_t> firsts;
  const std::vector<TokenId> ids(10, 3);
  const auto record = [&](std::size_t first, TensorView logits) {
    firsts.push_back(first);
    EXPECT_EQ(logits.shape[1], 512U);
    return first < 4;
  };
  ASSERT_TRUE((*engine)->score(ids, record));
  EXPECT_THAT(firsts, ElementsAre(0, 4));
  const std::atomic<bool> interrupted = true;
  EXPECT_EQ((*engine)->score(ids, record, &interrupted).error().code, ErrorCode::kInterrupted);
}

TEST(Engine, ReportsLogprobs) {
  auto engine = llama();
  Request request = request_of({1, 2, 3}, 2);
  request.sampling.logprobs = 4;
  const auto answer = (*engine)->generate(request, [](const TokenEvent& event) {
    EXPECT_EQ(event.top_logprobs.size(), 4U);
    EXPECT_EQ(event.top_logprobs[0].id, event.id) << "greedy takes the likeliest";
    EXPECT_EQ(event.top_logprobs[0].logprob, event.logprob);
    EXPECT_GE(event.top_logprobs[0].logprob, event.top_logprobs[1].logprob);
    EXPECT_LT(event.logprob, 0.0F);
    return true;
  });
  EXPECT_TRUE(answer);
}

TEST(Engine, RepeatsASampledAnswerWithItsSeed) {
  auto engine = llama();
  Request request = request_of({1, 2, 3}, 20);
  request.sampling = {.temperature = 1.5F, .top_k = 100, .seed = 5};
  const auto first = (*engine)->generate(request, kGoOn);
  const auto second = (*engine)->generate(request, kGoOn);
  EXPECT_EQ(first->ids, second->ids);
  request.sampling.seed = 6;
  EXPECT_NE((*engine)->generate(request, kGoOn)->ids, first->ids);
}

TEST(Engine, ReportsWeightsThatGiveNoNumbers) {
  TinyCheckpoint tiny;
  tiny.value = [](std::size_t) { return std::numeric_limits<float>::quiet_NaN(); };
  auto checkpoint = tiny.open();
  auto model = load_model(*checkpoint, {});
  auto backend = make_cpu_backend({.threads = 1, .isa = std::nullopt});
  auto engine =
      Engine::create(std::move(model).value(), std::move(backend).value(), EngineOptions{});
  ASSERT_TRUE(engine) << engine.error().message;
  const auto answer = (*engine)->generate(request_of({1, 2}), kGoOn);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kFailed);
  EXPECT_THAT(answer.error().message, HasSubstr("NaN"));
}

TEST(EngineOptions, ChooseTheTypeOfTheCacheByTheComputeType) {
  const auto kv_of = [](ComputeType compute, std::optional<DType> kv) {
    auto engine = TestEngine::open(
        golden_folder("llama2"),
        {.backend = {.threads = 1, .compute = compute}, .engine = {.kv_dtype = kv}});
    EXPECT_TRUE(engine);
    return (**engine)->kv_dtype();
  };
  EXPECT_EQ(kv_of(ComputeType::kF32, std::nullopt), DType::kF32);
  EXPECT_EQ(kv_of(ComputeType::kAuto, std::nullopt), DType::kF16);
  EXPECT_EQ(kv_of(ComputeType::kF32, DType::kBF16), DType::kBF16);
}

TEST(EngineOptions, AreChecked) {
  const auto error_of = [](const EngineOptions& options) {
    auto engine = TestEngine::open(golden_folder("llama2"), {.engine = options});
    return engine ? Error{} : engine.error();
  };
  EXPECT_THAT(error_of({.context_length = 4097}).message,
              HasSubstr("--ctx: expected at most 4096"));
  EXPECT_THAT(error_of({.prefill_chunk = 0}).message, HasSubstr("--prefill-chunk: expected"));
  EXPECT_THAT(error_of({.kv_dtype = DType::kQ8_0}).message, HasSubstr("--kv: expected"));
  EXPECT_EQ(error_of({.context_length = 4097}).code, ErrorCode::kUsage);
}

TEST(EngineMemory, RefusesWhatDoesNotFitBeforeItAllocates) {
  const auto engine =
      TestEngine::open(golden_folder("llama2"),
                       {.engine = {.context_length = 4096, .memory_limit = std::size_t{3} << 20}});
  ASSERT_FALSE(engine);
  EXPECT_EQ(engine.error().code, ErrorCode::kDoesNotFit);
  EXPECT_THAT(engine.error().message, AllOf(HasSubstr("KV cache"), HasSubstr("at most 3.00 MiB")));
}

TEST(EngineMemory, HalvesTheDefaultContextUntilItFits) {
  const auto context_of = [](std::size_t limit) {
    auto engine = llama({.prefill_chunk = 16, .memory_limit = limit});
    return (*engine)->context_length();
  };
  EXPECT_EQ(context_of(std::size_t{100} << 20), 4096U) << "max_position_embeddings";
  EXPECT_EQ(context_of(std::size_t{5} << 20), 1024U) << "6 MB of cache at 4096, in half of 4.6";
}

TEST(EngineMemory, CountsTheCacheADecodeStepReads) {
  auto engine = llama();
  EXPECT_EQ((*engine)->kv_bytes_read_per_token(100), 2U * 3 * 64 * 4 * 100);
  auto windowed = *TestEngine::open(golden_folder("mistral_v01_swa"), {});
  EXPECT_EQ((*windowed)->kv_bytes_read_per_token(100), 2U * 3 * 32 * 4 * 16);
  // Every other layer has a window.
  auto alternating = *TestEngine::open(golden_folder("gemma2"), {});
  EXPECT_EQ((*alternating)->kv_bytes_read_per_token(100), 2U * 2 * 24 * 4 * (2 * 100 + 2 * 16));
}

}  // namespace
}  // namespace bora
