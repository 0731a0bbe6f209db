// Requests as streams: many at a time, cancelled, too large, failing, from several threads.
#include "tests/engine/golden.h"
#include "tests/model/tiny_checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <new>
#include <thread>

namespace bora {
namespace {

using testing::golden_folder;
using ::testing::HasSubstr;
using testing::TestEngine;
using testing::TinyCheckpoint;

std::unique_ptr<TestEngine> llama(const EngineOptions& options) {
  auto engine =
      TestEngine::open(golden_folder("llama2"), {.backend = {.threads = 2}, .engine = options});
  EXPECT_TRUE(engine) << engine.error().message;
  return std::move(engine).value();
}

Request request_of(std::vector<TokenId> prompt, std::size_t max_new_tokens) {
  Request request;
  request.prompt = std::move(prompt);
  request.max_new_tokens = max_new_tokens;
  request.ignore_eos = true;
  return request;
}

std::vector<TokenId> ids_of(TokenStream& stream) {
  std::vector<TokenId> ids;
  while (const std::optional<TokenEvent> event = stream.next()) ids.push_back(event->id);
  return ids;
}

TEST(TokenStream, HandsOutTokensAndThenTheWholeAnswer) {
  auto engine = llama({});
  auto stream = (*engine)->submit(request_of({1, 2, 3}, 6));
  ASSERT_TRUE(stream) << stream.error().message;
  const std::vector<TokenId> ids = ids_of(*stream);
  const Result<Generation> whole = stream->wait();
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->ids, ids);
  EXPECT_EQ(ids.size(), 6U);
  EXPECT_EQ(whole->finish_reason, FinishReason::kLength);
  EXPECT_FALSE(stream->next());
}

TEST(TokenStream, EndsWithinAStepOfBeingCancelled) {
  auto engine = llama({.context_length = 4096});
  auto stream = (*engine)->submit(request_of({1, 2, 3}, 4000));
  ASSERT_TRUE(stream->next());
  stream->cancel();
  const Result<Generation> answer = stream->wait();
  EXPECT_EQ(answer->finish_reason, FinishReason::kInterrupted);
  EXPECT_GE(answer->ids.size(), 1U);
  EXPECT_LT(answer->ids.size(), 4000U);
}

TEST(TokenStream, CancelsAndGivesItsBlocksBackWhenDropped) {
  auto engine = llama({.context_length = 256, .max_sequences = 3, .kv_blocks = 4});
  for (int i = 0; i < 20; ++i) {
    auto dropped = (*engine)->submit(request_of({1, 2, i}, 200));
    ASSERT_TRUE(dropped);
    if (i % 2 == 0) {
      EXPECT_TRUE(dropped->next());
    }
  }
  auto stream = (*engine)->submit(request_of({1, 2, 3}, 253));
  const Result<Generation> answer = stream->wait();
  EXPECT_EQ(answer->ids.size(), 253U) << "it needs every block there is";
}

TEST(TokenStream, EndsWithItsEngineAndOutlivesIt) {
  auto engine = llama({.context_length = 4096, .max_sequences = 2});
  std::vector<TokenStream> streams;
  for (int i = 0; i < 3; ++i) {
    streams.push_back(*(*engine)->submit(request_of({1, 2, 3}, 4000)));
  }
  engine.reset();
  for (TokenStream& stream : streams) {
    EXPECT_EQ(stream.wait()->finish_reason, FinishReason::kInterrupted);
  }
}

TEST(Engine, AnswersManyShortRequestsAsItWouldEachAlone) {
  auto engine = llama({.context_length = 64, .max_sequences = 7});
  std::vector<TokenStream> streams;
  for (TokenId i = 0; i < 200; ++i) {
    streams.push_back(
        *(*engine)->submit(request_of({1, i, i % 3}, 1 + static_cast<std::size_t>(i) % 5)));
  }
  auto other = llama({.context_length = 64});
  for (TokenId i = 0; i < 200; ++i) {
    EXPECT_EQ(ids_of(streams[static_cast<std::size_t>(i)]),
              other->greedy({1, i, i % 3}, 1 + static_cast<std::size_t>(i) % 5));
  }
}

TEST(Engine, QueuesAllOfAGroupOrNone) {
  auto engine = llama({.context_length = 64, .max_sequences = 2});
  const std::vector<Request> group = {request_of({1, 2}, 3), request_of({5}, 4),
                                      request_of({7, 8, 9}, 5)};
  auto streams = (*engine)->submit_all(group);
  ASSERT_TRUE(streams);
  ASSERT_EQ(streams->size(), group.size());
  for (std::size_t i = 0; i < group.size(); ++i) {
    EXPECT_EQ(ids_of((*streams)[i]), engine->greedy(group[i].prompt, group[i].max_new_tokens));
  }
  const std::vector<Request> faulty = {request_of({1, 2}, 3), request_of({}, 4)};
  const auto refused = (*engine)->submit_all(faulty);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUsage);
}

TEST(Engine, TakesRequestsFromSeveralThreads) {
  auto engine = llama({.context_length = 128, .max_sequences = 4});
  const std::vector<TokenId> expected = engine->greedy({5, 6, 7}, 10);
  const std::atomic<bool> interrupted = false;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i) {
        auto cancelled = (*engine)->submit(request_of({5, 6}, 100));
        const auto answer = (*engine)->generate(
            request_of({5, 6, 7}, 10), [](const TokenEvent&) { return true; }, &interrupted);
        EXPECT_EQ(answer->ids, expected);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(Engine, RefusesAnAnswerThatTheCacheCouldNotHoldAlone) {
  auto engine = llama({.context_length = 512, .kv_blocks = 2});
  const auto refused = (*engine)->submit(request_of({1, 2, 3}, 126));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kDoesNotFit);
  EXPECT_THAT(refused.error().message, HasSubstr("at most 128 positions"));
  EXPECT_THAT(refused.error().message, HasSubstr("found 129"));
  const auto scored =
      (*engine)->score(std::vector<TokenId>(129, 1), [](std::size_t, TensorView) { return true; });
  EXPECT_EQ(scored.error().code, ErrorCode::kDoesNotFit);
  EXPECT_EQ((*engine)->submit(request_of({1, 2, 3}, 125))->wait()->ids.size(), 125U);
}

TEST(Engine, FailsOnlyTheRequestWhoseLogitsAreNoNumbers) {
  TinyCheckpoint tiny;
  // Row 7 of the embedding, which comes after the 80 values of lm_head.
  tiny.value = [](std::size_t index) {
    if (index >= 80 + 56 && index < 80 + 64) return std::numeric_limits<float>::quiet_NaN();
    return static_cast<float>(static_cast<int>(index * 7 % 19) - 9) / 32.0F;
  };
  const auto checkpoint = tiny.open();
  const auto open = [&] {
    auto engine = Engine::create(load_model(*checkpoint, {}).value(),
                                 make_cpu_backend({.threads = 2}).value(), {.max_sequences = 3});
    EXPECT_TRUE(engine) << engine.error().message;
    return std::move(engine).value();
  };
  const auto engine = open();
  auto good = engine->submit(request_of({1, 2}, 40));
  ASSERT_TRUE(good->next());
  auto bad = engine->submit_parallel(request_of({1, 7, 3}, 5), 2);
  for (TokenStream& stream : *bad) {
    EXPECT_FALSE(stream.next());
    const Result<Generation> answer = stream.wait();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::kFailed);
    EXPECT_THAT(answer.error().message, HasSubstr("NaN"));
  }
  const auto alone = open()->submit(request_of({1, 2}, 40))->wait();
  EXPECT_EQ(good->wait()->ids, alone->ids);
  EXPECT_EQ(engine->submit(request_of({1, 2}, 40))->wait()->ids, alone->ids)
      << "in the blocks that held what was no number";
}

TEST(Engine, FailsTheRequestsAndGoesOnWhereMemoryEnds) {
  auto engine = llama({.context_length = 4096, .max_sequences = 3, .kv_blocks = 64});
  auto running = (*engine)->submit(request_of({1, 2, 3}, 4000));
  ASSERT_TRUE(running->next());
  const auto scored = (*engine)->score(
      std::vector<TokenId>(9, 1), [](std::size_t, TensorView) -> bool { throw std::bad_alloc(); });
  for (const Error& error : {scored.error(), running->wait().error()}) {
    EXPECT_EQ(error.code, ErrorCode::kFailed);
    EXPECT_THAT(error.message, HasSubstr("memory"));
  }
  EXPECT_EQ(engine->all_logits(std::vector<TokenId>(4096, 1)).size(), 4096U)
      << "it needs every block there is";
}

TEST(Engine, RunsForksOfAPromptWithSeedsOfTheirOwn) {
  auto engine = llama({.context_length = 128, .max_sequences = 3});
  Request request = request_of({1, 2, 3}, 20);
  request.sampling = {.temperature = 1.5F, .seed = 5};
  std::size_t seen = 0;
  const auto answers = (*engine)->generate_parallel(request, 4, [&](const TokenEvent&) {
    ++seen;
    return true;
  });
  ASSERT_TRUE(answers) << answers.error().message;
  ASSERT_EQ(answers->size(), 4U);
  EXPECT_EQ(seen, 20U) << "the tokens of the first";
  for (std::size_t i = 0; i < 4; ++i) {
    request.sampling.seed = 5 + i;
    const auto alone = (*engine)->submit(request)->wait();
    EXPECT_EQ((*answers)[i].ids, alone->ids) << i;
  }
  EXPECT_NE((*answers)[0].ids, (*answers)[1].ids);
}

TEST(Engine, EndsForksWithTheFirstWhereTheCallerHasEnough) {
  auto engine = llama({.context_length = 4096, .max_sequences = 2});
  const auto answers = (*engine)->generate_parallel(
      request_of({1, 2, 3}, 4000), 2, [](const TokenEvent& event) { return event.index < 4; });
  ASSERT_TRUE(answers) << answers.error().message;
  EXPECT_EQ((*answers)[0].finish_reason, FinishReason::kStop);
  EXPECT_EQ((*answers)[0].ids.size(), 5U);
  EXPECT_EQ((*answers)[1].finish_reason, FinishReason::kInterrupted);
}

}  // namespace
}  // namespace bora
