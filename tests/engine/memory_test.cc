// What an engine allocates is what its plan says, to the byte.
#include "backend/cpu/rope_table.h"
#include "engine/engine.h"
#include "plan/memory_plan.h"
#include "tensor/buffer.h"
#include "tests/engine/golden.h"

#include <gtest/gtest.h>

namespace bora {
namespace {

using testing::golden_folder;

struct Case {
  std::string_view model;
  int threads = 1;
  EngineOptions engine;
  std::optional<DType> weights;
  std::string_view draft = {};
  std::optional<DType> draft_weights = std::nullopt;
  bool copy = false;
};

// All that a plan counts and that comes in buffers. The rest: files stay mapped, tables and the
// cosines of the backend are small vectors.
std::uint64_t planned_buffers(const MemoryPlan& plan) {
  return plan.bytes.weights.converted + plan.bytes.weights.copied + plan.bytes.kv +
         plan.bytes.workspace + plan.bytes.logits + plan.bytes.scratch -
         RopeTable::bytes_for(plan.step_tokens, 64) + plan.draft.weights.converted +
         plan.draft.weights.copied + plan.draft.kv + plan.draft.workspace;
}

// A checkpoint with its model, or its outline; nothing for no name.
struct Draft {
  std::optional<Checkpoint> checkpoint;
  std::unique_ptr<const Model> outline;

  explicit Draft(const Case& c) {
    if (c.draft.empty()) return;
    checkpoint.emplace(*Checkpoint::open(golden_folder(std::string(c.draft))));
    outline = *outline_model(*checkpoint, c.draft_weights);
  }
  [[nodiscard]] std::unique_ptr<Model> load(const Case& c) const {
    if (!checkpoint) return nullptr;
    return *load_model(*checkpoint, {.weights = c.draft_weights, .threads = 1});
  }
};

TEST(EngineMemory, IsWhatThePlanSaysToTheByte) {
  const Case cases[] = {
      {.model = "llama2", .engine = {}, .weights = {}},
      {.model = "llama2", .threads = 3, .engine = {.prefill_chunk = 7}, .weights = DType::kF32},
      {.model = "llama2", .engine = {.context_length = 100}, .weights = DType::kF16},
      {.model = "mistral_nemo", .engine = {.kv_dtype = DType::kBF16}, .weights = {}},
      {.model = "mistral_v01_swa",
       .threads = 2,
       .engine = {.context_length = 300, .compute = ComputeType::kF32},
       .weights = {}},
      {.model = "mistral_v01_swa",
       .engine = {.context_length = 1, .prefill_chunk = 16384},
       .weights = {}},
      {.model = "llama2", .engine = {}, .weights = {}, .draft = "llama2"},
      {.model = "llama2",
       .threads = 2,
       .engine = {.context_length = 100, .prefill_chunk = 7, .max_sequences = 3},
       .weights = {},
       .draft = "mistral_nemo",
       .draft_weights = DType::kF32},
      {.model = "llama31_rope_tied",
       .engine = {.context_length = 3000, .max_sequences = 9},
       .weights = DType::kF16,
       .draft = "mistral_v01_swa"},
      {.model = "llama2", .engine = {}, .weights = {}, .copy = true},
      {.model = "mistral_v01_swa",
       .threads = 3,
       .engine = {},
       .weights = DType::kF32,
       .copy = true},
  };
  for (const Case& c : cases) {
    const auto checkpoint = Checkpoint::open(golden_folder(std::string(c.model)));
    ASSERT_TRUE(checkpoint) << checkpoint.error().message;
    const std::size_t before = Buffer::allocated_bytes();
    auto backend = make_cpu_backend({.threads = c.threads, .compute = c.engine.compute});
    ASSERT_TRUE(backend) << backend.error().message;
    const auto outline = outline_model(*checkpoint, c.weights);
    ASSERT_TRUE(outline) << outline.error().message;
    const Draft draft(c);
    const auto plan = plan_memory(
        **outline, **backend,
        {.context_length = c.engine.context_length,
         .prefill_chunk = c.engine.prefill_chunk,
         .max_sequences = c.engine.max_sequences,
         .kv_dtype = c.engine.kv_dtype,
         .compute = c.engine.compute,
         .weights = c.copy ? weight_bytes_of(**outline).copy() : weight_bytes_of(**outline),
         .draft = draft.outline.get()});
    ASSERT_TRUE(plan) << plan.error().message;

    auto model = load_model(
        *checkpoint,
        {.weights = c.weights, .threads = 1, .copy_to = c.copy ? backend->get() : nullptr});
    ASSERT_TRUE(model) << model.error().message;
    auto engine = Engine::create(*std::move(model), *std::move(backend), c.engine, draft.load(c));
    ASSERT_TRUE(engine) << engine.error().message;
    EXPECT_EQ(Buffer::allocated_bytes() - before, planned_buffers(*plan)) << c.model;
    EXPECT_EQ(plan->bytes.weights.total(), (*engine)->model().weight_bytes());

    // And no more while it runs.
    const Request request{.prompt = {1},
                          .sampling = {},
                          .max_new_tokens = 8,
                          .stop_ids = {},
                          .speculate = Speculate::kAlwaysModel};
    if ((*engine)->context_length() > 8) {
      ASSERT_TRUE((*engine)->generate(request, [](const TokenEvent&) { return true; }));
    }
    EXPECT_EQ(Buffer::allocated_bytes() - before, planned_buffers(*plan)) << c.model;
  }
}

}  // namespace
}  // namespace bora
