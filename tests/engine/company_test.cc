// Decision 2 of docs/architecture.md, end to end: the bits of a sequence's logits and tokens do not
// depend on threads, chunks, company, the prefix cache, drafts or preemption.
#include "plan/kv_blocks.h"
#include "tests/engine/golden.h"
#include "tests/engine/known_texts.h"

#include <gtest/gtest.h>

#include <utility>

namespace bora {
namespace {

using testing::golden_folder;
using testing::TestEngine;
using testing::usable_isas;

// What a request shows of its logits: the tokens drawn and, to the bit, what each was drawn from.
struct Answer {
  std::vector<TokenId> ids;
  std::vector<float> logprobs;  // each token's, then those of the likeliest
  friend bool operator==(const Answer&, const Answer&) = default;
};

void take(TokenStream& stream, std::size_t count, Answer& answer) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::optional<TokenEvent> event = stream.next();
    if (!event) return;
    answer.ids.push_back(event->id);
    answer.logprobs.push_back(event->logprob);
    for (const TokenLogprob& top : event->top_logprobs) {
      answer.ids.push_back(top.id);
      answer.logprobs.push_back(top.logprob);
    }
  }
}

Answer take_all(TokenStream& stream) {
  Answer answer;
  take(stream, 1 << 20, answer);
  EXPECT_TRUE(stream.wait());
  return answer;
}

std::vector<TokenId> some_ids(std::size_t count, std::uint32_t seed) {
  std::vector<TokenId> ids(count);
  for (TokenId& id : ids) {
    seed = seed * 1664525 + 1013904223;
    id = static_cast<TokenId>((seed >> 16) % 500);
  }
  return ids;
}

Request request_of(std::vector<TokenId> prompt, std::size_t count) {
  Request request;
  request.prompt = std::move(prompt);
  request.max_new_tokens = count;
  request.ignore_eos = true;
  request.sampling = {.temperature = 0.7F, .seed = 9, .logprobs = 60};
  return request;
}

// Five of different lengths: within a block, beyond one, beyond the sliding window.
std::vector<Request> five_requests() {
  std::vector<Request> requests;
  for (const auto& [length, count] :
       {std::pair{3U, 24U}, {70U, 8U}, {140U, 4U}, {1U, 14U}, {65U, 6U}}) {
    requests.push_back(request_of(some_ids(length, length), count));
  }
  requests[0].sampling.temperature = 0.0F;
  requests[3].sampling.repetition_penalty = 1.2F;
  return requests;
}

std::unique_ptr<TestEngine> open(const std::string& model, const TestEngine::Options& options) {
  auto engine = TestEngine::open(golden_folder(model), options);
  EXPECT_TRUE(engine) << engine.error().message;
  return engine ? std::move(engine).value() : nullptr;
}

Answer alone(TestEngine& engine, const Request& request) {
  auto stream = engine->submit(request);
  EXPECT_TRUE(stream) << stream.error().message;
  return take_all(*stream);
}

std::vector<Answer> each_alone(const std::string& model, TestEngine::Options options,
                               const std::vector<Request>& requests) {
  options.backend.threads = 1;
  options.engine = {};
  auto engine = open(model, options);
  std::vector<Answer> answers;
  for (Request request : requests) {
    request.use_prefix_cache = false;
    request.speculate = Speculate::kOff;
    answers.push_back(alone(*engine, request));
  }
  return answers;
}

// Each of the others arrives after another token of the first.
std::vector<Answer> in_company(TestEngine& engine, const std::vector<Request>& requests) {
  std::vector<TokenStream> streams;
  std::vector<Answer> answers(requests.size());
  for (const Request& request : requests) {
    auto stream = engine->submit(request);
    EXPECT_TRUE(stream) << stream.error().message;
    streams.push_back(*std::move(stream));
    take(streams.front(), 1, answers.front());
  }
  for (std::size_t i = 0; i < requests.size(); ++i) take(streams[i], 1 << 20, answers[i]);
  return answers;
}

class Company : public ::testing::TestWithParam<std::string> {
 protected:
  // Calls test(options) for every instruction set and compute type.
  template <class Test>
  void for_each_arithmetic(const Test& test) {
    for (const std::string& isa : usable_isas()) {
      for (const ComputeType compute : {ComputeType::kF32, ComputeType::kAuto}) {
        SCOPED_TRACE(isa + (compute == ComputeType::kF32 ? " f32" : " auto"));
        TestEngine::Options options;
        options.backend.isa = isa;
        options.backend.compute = compute;
        test(options);
      }
    }
  }
};

TEST_P(Company, OfFourOthersChangesNoBitInAnyChunksOnAnyThreads) {
  const std::vector<Request> requests = five_requests();
  for_each_arithmetic([&](TestEngine::Options options) {
    const std::vector<Answer> expected = each_alone(GetParam(), options, requests);
    options.engine.max_sequences = 5;
    constexpr std::pair<int, std::size_t> kThreadsAndChunks[] = {
        {1, 1}, {2, 1}, {1, 7}, {2, 7}, {1, 64}, {2, 64}, {1, 512}, {2, 512}};
    for (const auto& [threads, chunk] : kThreadsAndChunks) {
      options.backend.threads = threads;
      options.engine.prefill_chunk = chunk;
      auto engine = open(GetParam(), options);
      const std::vector<Answer> found = in_company(*engine, requests);
      for (std::size_t i = 0; i < requests.size(); ++i) {
        EXPECT_TRUE(found[i] == expected[i])
            << "request " << i << ", " << threads << " threads, chunks of " << chunk;
      }
    }
  });
}

TEST_P(Company, OfEarlierRequestsInThePrefixCacheChangesNoBit) {
  std::vector<Request> requests = five_requests();
  Request longer = request_of(requests[2].prompt, 8);
  longer.prompt.insert(longer.prompt.end(), {1, 2, 3});
  longer.prompt[130] = 17;  // shares two blocks of three
  requests.push_back(longer);
  for_each_arithmetic([&](TestEngine::Options options) {
    const std::vector<Answer> expected = each_alone(GetParam(), options, requests);
    options.engine.prefill_chunk = 7;
    options.engine.kv_blocks = 32;  // nothing is evicted, with a window neither
    auto engine = open(GetParam(), options);
    for (int round = 0; round < 2; ++round) {
      for (std::size_t i = 0; i < requests.size(); ++i) {
        auto stream = (*engine)->submit(requests[i]);
        EXPECT_TRUE(take_all(*stream) == expected[i]) << "request " << i << ", round " << round;
        const std::size_t cached = stream->wait()->cached_tokens;
        if (round == 0) {
          EXPECT_EQ(cached, i == 5 ? 128U : 0U) << i;
        } else {
          EXPECT_EQ(cached, (requests[i].prompt.size() - 1) / kKvBlockTokens * kKvBlockTokens) << i;
        }
      }
    }
  });
}

TEST_P(Company, ThatTakesItsBlocksAwayChangesNoBit) {
  std::vector<Request> requests;
  for (std::uint32_t i = 0; i < 4; ++i) requests.push_back(request_of(some_ids(56 + i, i), 25));
  for_each_arithmetic([&](TestEngine::Options options) {
    const std::vector<Answer> expected = each_alone(GetParam(), options, requests);
    options.engine.max_sequences = 4;
    options.engine.prefill_chunk = 16;
    options.engine.kv_blocks = 5;  // each comes to need two
    auto engine = open(GetParam(), options);
    auto streams = (*engine)->submit_all(requests);
    ASSERT_TRUE(streams);
    std::size_t preemptions = 0;
    for (std::size_t i = 0; i < requests.size(); ++i) {
      EXPECT_TRUE(take_all((*streams)[i]) == expected[i]) << "request " << i;
      preemptions += (*streams)[i].wait()->preemptions;
    }
    EXPECT_GE(preemptions, 1U);
  });
}

TEST_P(Company, OfItsForksChangesNoBit) {
  const Request request = request_of(some_ids(70, 4), 10);
  std::vector<Request> requests(3, request);
  for (std::size_t i = 0; i < requests.size(); ++i) requests[i].sampling.seed += i;
  for_each_arithmetic([&](TestEngine::Options options) {
    const std::vector<Answer> expected = each_alone(GetParam(), options, requests);
    options.engine.max_sequences = 3;
    auto engine = open(GetParam(), options);
    auto streams = (*engine)->submit_parallel(request, 3);
    ASSERT_TRUE(streams) << streams.error().message;
    for (std::size_t i = 0; i < requests.size(); ++i) {
      EXPECT_TRUE(take_all((*streams)[i]) == expected[i]) << "fork " << i;
      EXPECT_EQ((*streams)[i].wait()->cached_tokens, i == 0 ? 0U : 70U);
    }
  });
}

// Greedy, drawn, and drawn with penalties, which depend on each token before; over several blocks
// and beyond the window.
std::vector<Request> requests_to_draft() {
  std::vector<Request> requests;
  for (std::uint32_t i = 0; i < 4; ++i) {
    requests.push_back(request_of(some_ids(56 + i, i), 30));
    requests.back().speculate = Speculate::kAlways;
  }
  requests[0].sampling.temperature = 0.0F;
  requests[3].sampling.repetition_penalty = 1.1F;
  requests[3].sampling.frequency_penalty = 0.1F;
  return requests;
}

std::shared_ptr<DraftProposer> proposer_of(const std::vector<Request>& requests,
                                           const std::vector<Answer>& answers) {
  std::vector<std::vector<TokenId>> texts;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    texts.push_back(requests[i].prompt);
    // Behind each token come those that were likely in its place.
    const std::size_t step = 1 + static_cast<std::size_t>(requests[i].sampling.logprobs);
    for (std::size_t t = 0; t < answers[i].ids.size(); t += step) {
      texts.back().push_back(answers[i].ids[t]);
    }
  }
  return std::make_shared<testing::KnownTexts>(std::move(texts), 7);
}

// How many answers are computed together, and in how many blocks (0: enough).
constexpr std::pair<std::size_t, std::size_t> kTogetherAndBlocks[] = {{1, 0}, {4, 0}, {4, 5}};

// The requests as one batch: holds each answer to the expected one. What became of each.
std::vector<Generation> answer_together(const std::string& name, TestEngine::Options options,
                                        std::pair<std::size_t, std::size_t> together_and_blocks,
                                        const std::vector<Request>& requests,
                                        const std::vector<Answer>& expected) {
  const auto [together, blocks] = together_and_blocks;
  options.engine.max_sequences = together;
  options.engine.kv_blocks = blocks;
  auto engine = open(name, options);
  auto streams = (*engine)->submit_all(requests);
  EXPECT_TRUE(streams);
  std::vector<Generation> answers;
  if (!streams) return answers;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    EXPECT_TRUE(take_all((*streams)[i]) == expected[i])
        << "request " << i << ", " << together << " together, " << blocks << " blocks";
    answers.push_back(*(*streams)[i].wait());
  }
  return answers;
}

std::size_t sum_of(const std::vector<Generation>& answers, std::size_t Generation::*count) {
  std::size_t sum = 0;
  for (const Generation& answer : answers) sum += answer.*count;
  return sum;
}

TEST_P(Company, OfDraftsChangesNoBitAloneTogetherOrShortOfBlocks) {
  const std::vector<Request> requests = requests_to_draft();
  for_each_arithmetic([&](TestEngine::Options options) {
    const std::vector<Answer> expected = each_alone(GetParam(), options, requests);
    options.backend.threads = 2;
    options.engine.prefill_chunk = 24;
    options.engine.proposer = proposer_of(requests, expected);
    for (const auto& how : kTogetherAndBlocks) {
      const auto answers = answer_together(GetParam(), options, how, requests, expected);
      ASSERT_EQ(answers.size(), requests.size());
      const std::size_t accepted = sum_of(answers, &Generation::accepted_tokens);
      EXPECT_GT(accepted, 10U);
      EXPECT_GT(sum_of(answers, &Generation::drafted_tokens), accepted);
      EXPECT_EQ(sum_of(answers, &Generation::preemptions) > 0, how.second == 5);
    }
  });
}

TEST_P(Company, OfADraftModelChangesNoBitAloneTogetherOrShortOfBlocks) {
  std::vector<Request> requests = requests_to_draft();
  for (Request& request : requests) request.speculate = Speculate::kAlwaysModel;
  for_each_arithmetic([&](TestEngine::Options options) {
    const std::vector<Answer> expected = each_alone(GetParam(), options, requests);
    options.engine.prefill_chunk = 24;
    options.draft = golden_folder(GetParam());
    for (const auto& how : kTogetherAndBlocks) {
      const auto answers = answer_together(GetParam(), options, how, requests, expected);
      ASSERT_EQ(answers.size(), requests.size());
      // The first drafts its own likeliest tokens, and these bits are the same as well.
      EXPECT_EQ(answers[0].model_accepted_tokens, answers[0].model_drafted_tokens);
      const std::size_t accepted = sum_of(answers, &Generation::model_accepted_tokens);
      // Where blocks are short somebody mostly waits: there are few drafts, perhaps no right one.
      if (how.second == 0) {
        EXPECT_GT(accepted, 10U);
      }
      EXPECT_GT(sum_of(answers, &Generation::model_drafted_tokens), accepted);
      EXPECT_EQ(sum_of(answers, &Generation::preemptions) > 0, how.second == 5);
    }
  });
}

TEST_P(Company, LeavesAllLogitsOfAScoredSequenceTheSame) {
  const std::vector<TokenId> ids = some_ids(150, 1);
  for_each_arithmetic([&](TestEngine::Options options) {
    const auto expected = open(GetParam(), options)->all_logits(ids);
    options.engine.max_sequences = 3;
    options.engine.prefill_chunk = 20;
    options.engine.kv_blocks = 5;
    auto engine = open(GetParam(), options);
    auto first = (*engine)->submit(request_of(some_ids(30, 1), 100));
    auto second = (*engine)->submit(request_of(some_ids(50, 2), 40));
    EXPECT_TRUE(first->next());
    EXPECT_TRUE(engine->all_logits(ids) == expected);
    EXPECT_TRUE(first->wait());
    EXPECT_TRUE(second->wait());
  });
}

INSTANTIATE_TEST_SUITE_P(Public, Company,
                         ::testing::Values("llama2", "llama31_rope_tied", "mistral_nemo",
                                           "mistral_v01_swa", "mistral_v02", "gemma2", "mixtral"),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace bora
