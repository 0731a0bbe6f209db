#include "api/conversation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace bora {
namespace {

using ::testing::HasSubstr;

TEST(Conversation, KeepsTheSystemMessageInFront) {
  Conversation conversation;
  EXPECT_TRUE(conversation.messages().empty());
  conversation.set_system("first");
  conversation.set_system("second");
  ASSERT_EQ(conversation.messages().size(), 1U);
  EXPECT_EQ(conversation.messages().front().role, "system");
  EXPECT_EQ(conversation.messages().front().content, "second");
  EXPECT_EQ(conversation.turns(), 0U);
  conversation.reset();
  EXPECT_EQ(conversation.messages().size(), 1U);
  conversation.set_system(std::nullopt);
  EXPECT_TRUE(conversation.messages().empty());
}

// The tests below need a model that has a chat template.
class ConversationWithSmolLM2 : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* path = std::getenv("BORA_TEST_SMOLLM2");  // NOLINT(concurrency-mt-unsafe)
    if (path == nullptr) GTEST_SKIP() << "BORA_TEST_SMOLLM2 names no model";
    LlmOptions options;
    options.context_length = 96;
    Result<Llm> llm = Llm::open(path, options);
    ASSERT_TRUE(llm) << llm.error().message;
    llm_ = *std::move(llm);
    options_.max_new_tokens = 6;
  }

  std::optional<Llm> llm_;
  CompletionOptions options_;
  Conversation conversation_;
};

TEST_F(ConversationWithSmolLM2, KeepsWhatBothHaveSaid) {
  const Result<Completion> done = conversation_.answer(*llm_, "Hello", options_);
  ASSERT_TRUE(done) << done.error().message;
  ASSERT_EQ(conversation_.messages().size(), 2U);
  EXPECT_EQ(conversation_.messages()[0].content, "Hello");
  EXPECT_EQ(conversation_.messages()[1].role, "assistant");
  EXPECT_EQ(conversation_.messages()[1].content, done->text);
  EXPECT_EQ(conversation_.turns(), 2U);
}

TEST_F(ConversationWithSmolLM2, StaysAsItWasWhereTheContextIsTooShort) {
  ASSERT_TRUE(conversation_.answer(*llm_, "Hello", options_));
  std::string text;
  for (int i = 0; i < 100; ++i) text += "word ";
  const Result<Completion> done = conversation_.answer(*llm_, text, options_);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kUsage);
  EXPECT_THAT(done.error().message, HasSubstr("expected at most 95 tokens with this message"));
  EXPECT_EQ(conversation_.turns(), 2U);
  EXPECT_TRUE(conversation_.answer(*llm_, "Go on", options_));
  EXPECT_EQ(conversation_.turns(), 4U);
}

TEST_F(ConversationWithSmolLM2, KeepsAnInterruptedAnswerIfThereIsOne) {
  std::atomic<bool> interrupted = false;
  options_.interrupted = &interrupted;
  const auto stop_at_once = [&](std::string_view) {
    interrupted = true;
    return true;
  };
  const Result<Completion> some = conversation_.answer(*llm_, "Hello", options_, stop_at_once);
  ASSERT_TRUE(some) << some.error().message;
  EXPECT_EQ(some->finish_reason, FinishReason::kInterrupted);
  ASSERT_EQ(conversation_.turns(), 2U);
  EXPECT_EQ(conversation_.messages()[1].content, some->text);
  const Result<Completion> none = conversation_.answer(*llm_, "And?", options_);
  ASSERT_TRUE(none) << none.error().message;
  EXPECT_EQ(none->text, "");
  EXPECT_EQ(conversation_.turns(), 2U) << "an answer of nothing would be one that never was";
}

}  // namespace
}  // namespace bora
