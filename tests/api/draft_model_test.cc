// A draft model behind the facade: opened, planned, told of.
#include "api/model_plan.h"
#include "engine/engine.h"
#include <bora/llm.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bora {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

const std::filesystem::path kModels = std::filesystem::path(BORA_TEST_DATA_DIR) / "golden/models";

LlmOptions with_draft(const std::string& draft) {
  LlmOptions options;
  options.threads = 1;
  if (!draft.empty()) options.draft_model = kModels / draft;
  return options;
}

Completion complete(const LlmOptions& options, Speculate speculate) {
  Result<Llm> llm = Llm::open(kModels / "llama2", options);
  EXPECT_TRUE(llm) << llm.error().message;
  CompletionOptions completion;
  completion.max_new_tokens = 40;
  completion.ignore_eos = true;
  completion.speculate = speculate;
  Result<Completion> done = llm->complete(std::vector<TokenId>{5, 6, 7}, completion);
  EXPECT_TRUE(done) << done.error().message;
  return *done;
}

TEST(LlmDraftModel, GuessesAndChangesNothing) {
  const Completion plain = complete(with_draft(""), Speculate::kOff);
  EXPECT_EQ(plain.model_drafted_tokens, 0U);
  LlmOptions options = with_draft("llama2");
  for (const std::optional<DType> weights : {std::optional<DType>(), {DType::kQ8_0}}) {
    options.draft_weights = weights;
    const Completion found = complete(options, Speculate::kAlwaysModel);
    EXPECT_EQ(found.ids, plain.ids);
    EXPECT_GT(found.model_accepted_tokens, 10U) << "int8 weights are nearly the same";
    EXPECT_EQ(found.model_drafted_tokens, found.drafted_tokens);
    EXPECT_EQ(found.model_accepted_tokens, found.accepted_tokens);
  }
}

TEST(LlmDraftModel, IsToldOfAndSaidToBeTooLarge) {
  std::vector<std::string> notes;
  LlmOptions options = with_draft("llama31_rope_tied");
  options.on_note = [&](std::string_view line) { notes.emplace_back(line); };
  Result<Llm> llm = Llm::open(kModels / "llama2", options);
  ASSERT_TRUE(llm) << llm.error().message;
  EXPECT_EQ(llm->info().draft_model, "llama31_rope_tied");
  EXPECT_THAT(notes, ElementsAre(StartsWith("draft model: expected fewer bytes of weights a token "
                                            "than the model's ")));
  notes.clear();
  options.draft_weights = DType::kQ4_0;
  llm = Llm::open(kModels / "llama2", options);
  ASSERT_TRUE(llm) << llm.error().message;
  EXPECT_THAT(notes, IsEmpty());
}

TEST(LlmDraftModel, OfAnotherVocabularyIsRefused) {
  const Result<Llm> llm = Llm::open(kModels / "llama2", with_draft("mistral_nemo"));
  ASSERT_FALSE(llm);
  EXPECT_EQ(llm.error().code, ErrorCode::kUsage);
  EXPECT_EQ(llm.error().message,
            "draft model mistral_nemo: expected the vocabulary of llama2, 512 tokens, found 520");
}

TEST(LlmDraftModel, ThatIsNotThereIsNamed) {
  const Result<Llm> llm = Llm::open(kModels / "llama2", with_draft("no_such_model"));
  ASSERT_FALSE(llm);
  EXPECT_EQ(llm.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(llm.error().message, HasSubstr("no_such_model"));
}

TEST(LlmDraftModel, IsInThePlanWithTheWeightsItWillHave) {
  const auto bytes_of = [](std::optional<DType> weights) {
    LlmOptions options = with_draft("llama31_rope_tied");
    options.draft_weights = weights;
    const Result<ModelPlan> plan = plan_model(kModels / "llama2", options);
    EXPECT_TRUE(plan) << plan.error().message;
    EXPECT_EQ(plan->wanted.plan.bytes.draft, plan->wanted.plan.draft.total());
    return plan->wanted.plan.draft.weights;
  };
  const WeightBytes stored = bytes_of(std::nullopt);
  EXPECT_EQ(stored.converted, 0U);
  EXPECT_GT(bytes_of(DType::kF32).converted, stored.total());
  EXPECT_LT(bytes_of(DType::kQ4_0).total(), stored.total());
  LlmOptions small = with_draft("llama31_rope_tied");
  small.memory_limit = std::size_t{1} << 20;
  const Result<Llm> llm = Llm::open(kModels / "llama2", small);
  ASSERT_FALSE(llm);
  EXPECT_EQ(llm.error().code, ErrorCode::kDoesNotFit);
  EXPECT_THAT(llm.error().message, HasSubstr(", draft model "));
}

}  // namespace
}  // namespace bora
