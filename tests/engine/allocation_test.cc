// After start-up a decode step allocates nothing: this program's operator new counts.
#include "tests/engine/golden.h"
#include "tests/engine/known_texts.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <thread>

namespace {

thread_local bool is_test_thread = false;
std::atomic<std::size_t> allocations_elsewhere{0};

void* counted(std::size_t size, std::size_t alignment) {
  if (!is_test_thread) allocations_elsewhere.fetch_add(1, std::memory_order_relaxed);
  const std::size_t rounded = (size + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

// All other forms of new and delete end in these.
void* operator new(std::size_t size) { return counted(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*size*/) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t /*alignment*/) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*size*/, std::align_val_t /*alignment*/) noexcept {
  std::free(memory);
}

namespace bora {
namespace {

// Allocations of all threads but this one between each answer's `from`th token and its last.
std::size_t allocations_while_decoding(testing::TestEngine& engine, const Request& request,
                                       std::size_t count, std::size_t from) {
  auto streams = engine->submit_parallel(request, count);
  EXPECT_TRUE(streams) << streams.error().message;
  for (TokenStream& stream : *streams) {
    for (std::size_t i = 0; i < from; ++i) EXPECT_TRUE(stream.next());
  }
  const std::size_t before = allocations_elsewhere;
  for (TokenStream& stream : *streams) {
    while (stream.next()) {
    }
  }
  return allocations_elsewhere - before;
}

// Calls, because a compiler may leave out an expression's new with its delete, as clang does.
void allocate_once() { ::operator delete(::operator new(1)); }

TEST(Allocation, IsCountedOnOtherThreads) {
  is_test_thread = true;
  const std::size_t before = allocations_elsewhere;
  allocate_once();
  EXPECT_EQ(allocations_elsewhere, before);
  std::thread(allocate_once).join();
  EXPECT_GT(allocations_elsewhere, before);
}

Request long_request() {
  Request request;
  request.prompt = {1, 2, 3, 4, 5, 6, 7};
  request.max_new_tokens = 150;  // over several blocks
  request.ignore_eos = true;
  return request;
}

TEST(Allocation, HappensInNoDecodeStep) {
  is_test_thread = true;
  Request request = long_request();
  Request sampled = request;
  sampled.sampling = {.temperature = 0.8F,
                      .top_p = 0.9F,
                      .min_p = 0.01F,
                      .repetition_penalty = 1.1F,
                      .seed = 3,
                      .logprobs = 3};
  for (const std::string name : {"llama2", "mistral_v01_swa"}) {
    testing::TestEngine::Options options;
    options.backend.threads = 2;
    options.engine.max_sequences = 5;
    auto engine = testing::TestEngine::open(testing::golden_folder(name), options);
    ASSERT_TRUE(engine) << engine.error().message;
    EXPECT_EQ(allocations_while_decoding(**engine, request, 1, 3), 0U) << name;
    EXPECT_EQ(allocations_while_decoding(**engine, request, 5, 3), 0U) << name << ", five";
    EXPECT_EQ(allocations_while_decoding(**engine, sampled, 5, 3), 0U) << name << ", sampled";
  }
}

TEST(Allocation, HappensInNoStepWithADraft) {
  is_test_thread = true;
  Request request = long_request();
  request.sampling = {.temperature = 0.0F, .repetition_penalty = 1.1F, .logprobs = 3};
  for (const std::string name : {"llama2", "mistral_v01_swa", "mixtral"}) {
    testing::TestEngine::Options options;
    options.backend.threads = 2;
    options.engine.max_sequences = 3;
    const auto open = [&] {
      return testing::TestEngine::open(testing::golden_folder(name), options);
    };
    std::vector<TokenId> text = request.prompt;
    request.speculate = Speculate::kOff;
    const std::vector<TokenId> ids = (**open())->submit(request)->wait()->ids;
    text.insert(text.end(), ids.begin(), ids.end());
    options.engine.proposer =
        std::make_shared<testing::KnownTexts>(std::vector<std::vector<TokenId>>{text}, 7);
    for (const Speculate speculate : {Speculate::kAuto, Speculate::kAlways}) {
      request.speculate = speculate;
      auto engine = open();
      ASSERT_TRUE(engine) << engine.error().message;
      EXPECT_EQ(allocations_while_decoding(**engine, request, 1, 3), 0U) << name;
      EXPECT_EQ(allocations_while_decoding(**engine, request, 3, 3), 0U) << name << ", three";
      const Result<Generation> answer = (**engine)->submit(request)->wait();
      EXPECT_EQ(answer->ids, ids);
      if (speculate == Speculate::kAuto) continue;  // how much it drafts is a matter of time
      EXPECT_GT(answer->drafted_tokens, answer->accepted_tokens);
      EXPECT_GT(answer->accepted_tokens, 0U);
    }
  }
}

TEST(Allocation, HappensInNoStepWithADraftModel) {
  is_test_thread = true;
  Request request = long_request();
  request.sampling = {.temperature = 0.3F, .repetition_penalty = 1.1F, .logprobs = 3};
  for (const std::string name : {"llama2", "mistral_v01_swa"}) {
    for (const Speculate speculate : {Speculate::kAuto, Speculate::kAlwaysModel}) {
      request.speculate = speculate;
      testing::TestEngine::Options options;
      options.engine.max_sequences = 3;
      options.draft = testing::golden_folder(name);
      auto engine = testing::TestEngine::open(testing::golden_folder(name), options);
      ASSERT_TRUE(engine) << engine.error().message;
      EXPECT_EQ(allocations_while_decoding(**engine, request, 1, 3), 0U) << name;
      EXPECT_EQ(allocations_while_decoding(**engine, request, 3, 3), 0U) << name << ", three";
      const Result<Generation> answer = (**engine)->submit(request)->wait();
      if (speculate == Speculate::kAuto) continue;  // how much it drafts is a matter of time
      EXPECT_GT(answer->model_accepted_tokens, 0U);
    }
  }
}

}  // namespace
}  // namespace bora
