// A draft model in the engine. That it changes no bit of an answer is company_test.cc's.
#include "tests/engine/golden.h"

#include <gtest/gtest.h>

#include <numeric>

namespace bora {
namespace {

using testing::golden_folder;
using testing::TestEngine;

std::unique_ptr<TestEngine> open(const std::string& model, const std::string& draft,
                                 const EngineOptions& engine_options = {}) {
  TestEngine::Options options;
  options.engine = engine_options;
  if (!draft.empty()) options.draft = golden_folder(draft);
  auto engine = TestEngine::open(golden_folder(model), options);
  EXPECT_TRUE(engine) << engine.error().message;
  return engine ? std::move(engine).value() : nullptr;
}

Request request_of(std::size_t prompt_tokens, std::size_t count, Speculate speculate) {
  Request request;
  request.prompt.resize(prompt_tokens);
  std::iota(request.prompt.begin(), request.prompt.end(), 3);
  request.max_new_tokens = count;
  request.ignore_eos = true;
  request.speculate = speculate;
  return request;
}

Generation answer(TestEngine& engine, const Request& request) {
  auto stream = engine->submit(request);
  EXPECT_TRUE(stream) << stream.error().message;
  const Result<Generation> done = stream->wait();
  EXPECT_TRUE(done) << done.error().message;
  return *done;
}

std::vector<TokenId> ids_without(const std::string& model, Request request,
                                 const EngineOptions& options = {}) {
  request.speculate = Speculate::kOff;
  return answer(*open(model, "", options), request).ids;
}

TEST(DraftModel, OfTheSameWeightsIsAlwaysRightFarBeyondItsWindowAndBlocks) {
  for (const std::string model : {"llama2", "mistral_v01_swa", "gemma2"}) {
    for (const std::size_t chunk : {17U, 40U, 512U}) {
      const EngineOptions options{.context_length = 700, .prefill_chunk = chunk};
      const Request request = request_of(150, 500, Speculate::kAlwaysModel);
      const Generation found = answer(*open(model, model, options), request);
      EXPECT_EQ(found.ids, ids_without(model, request, options)) << model << ", " << chunk;
      EXPECT_GT(found.model_drafted_tokens, 400U) << model << ", " << chunk;
      EXPECT_EQ(found.model_accepted_tokens, found.model_drafted_tokens) << model << ", " << chunk;
      EXPECT_EQ(found.drafted_tokens, found.model_drafted_tokens);
    }
  }
}

TEST(DraftModel, OfOtherWeightsIsMostlyWrongAndHarmless) {
  for (const auto& [model, draft] : {std::pair{"llama2", "mistral_v02"},
                                     {"mistral_v01_swa", "llama2"},
                                     {"mistral_v02", "mistral_v01_swa"},
                                     {"llama2", "gemma2"}}) {
    const Request request = request_of(70, 100, Speculate::kAlwaysModel);
    const Generation found = answer(*open(model, draft), request);
    EXPECT_EQ(found.ids, ids_without(model, request)) << model << " with " << draft;
    EXPECT_GT(found.model_drafted_tokens, 1000U);
    EXPECT_LT(found.model_accepted_tokens, 50U);
  }
}

TEST(DraftModel, DrawsNoOtherTokens) {
  Request request = request_of(40, 120, Speculate::kAlwaysModel);
  request.sampling = {.temperature = 0.2F, .top_k = 20, .repetition_penalty = 1.05F};
  auto engine = open("llama2", "llama2");
  std::size_t accepted = 0;
  std::size_t drafted = 0;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    request.sampling.seed = seed;
    const Generation found = answer(*engine, request);
    EXPECT_EQ(found.ids, ids_without("llama2", request)) << seed;
    accepted += found.model_accepted_tokens;
    drafted += found.model_drafted_tokens;
  }
  EXPECT_GT(accepted, 20U);
  EXPECT_GT(drafted, 2 * accepted);
}

TEST(DraftModel, DraftsToTheEndOfTheContext) {
  const EngineOptions options{.context_length = 100};
  const Request request = request_of(60, 500, Speculate::kAlwaysModel);
  const Generation found = answer(*open("llama2", "llama2", options), request);
  EXPECT_EQ(found.ids.size(), 40U);
  EXPECT_EQ(found.ids, ids_without("llama2", request, options));
  EXPECT_EQ(found.model_accepted_tokens, found.model_drafted_tokens);
  EXPECT_GE(found.model_accepted_tokens, 34U) << "three steps, and one after the prompt";
}

TEST(DraftModel, IsSilentBehindItsOwnContext) {
  const EngineOptions options{.context_length = 500};
  const auto drafted_of = [&](std::size_t prompt_tokens, std::size_t count) {
    const Request request = request_of(prompt_tokens, count, Speculate::kAlwaysModel);
    const Generation found = answer(*open("llama2", "phi3_longrope", options), request);
    EXPECT_EQ(found.ids, ids_without("llama2", request, options));
    return found.model_drafted_tokens;
  };
  EXPECT_GT(drafted_of(100, 300), 1000U);
  EXPECT_EQ(drafted_of(256, 100), 0U) << "of 256 positions, all are there with the first token";
  EXPECT_GT(drafted_of(255, 100), 0U);
}

TEST(DraftModel, IsSilentBehindATokenItHasNot) {
  // mistral_nemo has 520 tokens, llama2 512.
  Request request = request_of(20, 30, Speculate::kAlwaysModel);
  const Generation found = answer(*open("mistral_nemo", "llama2"), request);
  EXPECT_EQ(found.ids, ids_without("mistral_nemo", request));
  EXPECT_GT(found.model_drafted_tokens, 0U);
  request.prompt[3] = 515;
  const Generation silent = answer(*open("mistral_nemo", "llama2"), request);
  EXPECT_EQ(silent.ids, ids_without("mistral_nemo", request));
  EXPECT_EQ(silent.model_drafted_tokens, 0U);
  const Generation fewer = answer(*open("llama2", "mistral_nemo"), request_of(20, 30, {}));
  EXPECT_EQ(fewer.ids, ids_without("llama2", request_of(20, 30, {})));
}

TEST(DraftModel, DraftsForSeveralAtATimeAndForTheirNextTurns) {
  const EngineOptions options{.context_length = 600, .max_sequences = 3};
  auto engine = open("mistral_v01_swa", "mistral_v01_swa", options);
  std::vector<Request> requests;
  for (std::size_t i = 0; i < 3; ++i) {
    requests.push_back(request_of(20 + 30 * i, 60, Speculate::kAlwaysModel));
  }
  for (int turn = 0; turn < 3; ++turn) {
    auto streams = (*engine)->submit_all(requests);
    ASSERT_TRUE(streams);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      const Generation found = *(*streams)[i].wait();
      EXPECT_EQ(found.ids, ids_without("mistral_v01_swa", requests[i], options)) << i;
      EXPECT_EQ(found.model_accepted_tokens, found.model_drafted_tokens) << i;
      EXPECT_GT(found.model_accepted_tokens, 40U) << i;
      requests[i].prompt.insert(requests[i].prompt.end(), found.ids.begin(), found.ids.end());
      requests[i].prompt.push_back(static_cast<TokenId>(7 + i));
    }
  }
}

TEST(DraftModel, IsLeftAloneWhereDraftsAreOffOrOthersAreWanted) {
  auto engine = open("llama2", "llama2");
  for (const Speculate speculate : {Speculate::kOff, Speculate::kAlways}) {
    const Request request = request_of(30, 40, speculate);
    const Generation found = answer(*engine, request);
    EXPECT_EQ(found.ids, ids_without("llama2", request));
    EXPECT_EQ(found.model_drafted_tokens, 0U);
  }
  const Request automatic = request_of(30, 200, Speculate::kAuto);
  EXPECT_EQ(answer(*engine, automatic).ids, ids_without("llama2", automatic));
}

TEST(DraftModel, ThatIsWantedAndNotThereChangesNothing) {
  const Request request = request_of(30, 20, Speculate::kAlwaysModel);
  const Generation found = answer(*open("llama2", ""), request);
  EXPECT_EQ(found.ids, ids_without("llama2", request));
  EXPECT_EQ(found.drafted_tokens, 0U);
}

}  // namespace
}  // namespace bora
