// Conversation: what has been said so far, and the next answer to it.
//
// Each answer renders the whole conversation through the chat template, as the model was trained;
// what the engine has computed of it before is in its prefix cache. No turn is ever dropped: a
// conversation that outgrows the context is an error, and stays as it was. Owner: one thread.
#pragma once

#include <bora/llm.h>

#include <optional>
#include <string>
#include <vector>

namespace bora {

class Conversation {
 public:
  // The system message, from the next answer on; nullopt: none.
  void set_system(const std::optional<std::string>& text);

  // Forgets everything but the system message.
  void reset();

  [[nodiscard]] const std::vector<ChatMessage>& messages() const { return messages_; }
  // Those of user and assistant.
  [[nodiscard]] std::size_t turns() const;

  // Says `text` as the user and appends what the model answers. An answer that is interrupted stays
  // with what there is of it; if that is nothing, the user's message goes too. After an error the
  // conversation is as before. Errors: those of Llm::chat(); kUsage where the context has no room
  // left for an answer.
  Result<Completion> answer(Llm& llm, std::string text, const CompletionOptions& options,
                            const Llm::OnText& on_text = nullptr);

 private:
  [[nodiscard]] bool has_system() const;

  std::vector<ChatMessage> messages_;
};

}  // namespace bora
