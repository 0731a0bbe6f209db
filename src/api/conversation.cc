#include "api/conversation.h"

#include <fmt/format.h>

#include <utility>

namespace bora {
namespace {

constexpr std::string_view kSystem = "system";

Result<std::vector<TokenId>> encode(const Llm& llm, const std::vector<ChatMessage>& messages) {
  Result<std::vector<TokenId>> ids = llm.encode_chat(messages);
  if (!ids) return ids;
  const std::size_t longest = llm.info().context_length - 1;  // one token of an answer
  if (ids->size() <= longest) return ids;
  return Error{ErrorCode::kUsage,
               fmt::format("conversation: expected at most {} tokens with this message, found {}",
                           longest, ids->size()),
               {"the message was not sent; a shorter one may still fit",
                "/reset starts a new conversation, --ctx N makes room for a longer one"}};
}

}  // namespace

bool Conversation::has_system() const {
  return !messages_.empty() && messages_.front().role == kSystem;
}

std::size_t Conversation::turns() const { return messages_.size() - (has_system() ? 1 : 0); }

void Conversation::set_system(const std::optional<std::string>& text) {
  if (has_system()) messages_.erase(messages_.begin());
  if (text) messages_.insert(messages_.begin(), {std::string(kSystem), *text});
}

void Conversation::reset() { messages_.resize(has_system() ? 1 : 0); }

Result<Completion> Conversation::answer(Llm& llm, std::string text,
                                        const CompletionOptions& options,
                                        const Llm::OnText& on_text) {
  messages_.push_back({"user", std::move(text)});
  Result<std::vector<TokenId>> ids = encode(llm, messages_);
  if (!ids) {
    messages_.pop_back();
    return std::move(ids).error();
  }
  Result<Completion> done = llm.complete(*std::move(ids), options, on_text);
  const bool nothing_said =
      !done || (done->text.empty() && done->finish_reason == FinishReason::kInterrupted);
  if (nothing_said) {
    messages_.pop_back();
  } else {
    messages_.push_back({"assistant", done->text});
  }
  return done;
}

}  // namespace bora
