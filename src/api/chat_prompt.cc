#include "api/chat_prompt.h"

#include "text/unicode.h"

#include <array>
#include <ctime>

namespace bora {

jinja::DateTime local_time() {
  const std::time_t now = std::time(nullptr);
  std::tm parts = {};
  localtime_r(&now, &parts);
  return {.year = parts.tm_year + 1900,
          .month = parts.tm_mon + 1,
          .day = parts.tm_mday,
          .hour = parts.tm_hour,
          .minute = parts.tm_min,
          .second = parts.tm_sec};
}

void add_special_tokens(const Tokenizer& tokenizer, ChatTemplateInput& input) {
  constexpr std::array kNames = {"bos_token", "eos_token", "unk_token", "pad_token"};
  for (const char* name : kNames) {
    const std::string_view text = tokenizer.special_text(name);
    if (text.empty() || input.kwargs.find(name) != nullptr) continue;
    input.kwargs.set(name, jinja::Value::string(std::string(text)));
  }
}

Result<std::string> render_chat(const Tokenizer& tokenizer,
                                const std::optional<std::string>& chat_template,
                                const std::vector<ChatMessage>& messages) {
  std::optional<std::string_view> source = tokenizer.chat_template();
  if (chat_template) source = *chat_template;
  if (!source) {
    return Error{ErrorCode::kNotFound,
                 "chat template: expected one with the model, found none",
                 {"give one with --chat-template FILE, or complete plain text without --chat"}};
  }
  for (const ChatMessage& message : messages) {
    if (is_valid_utf8(message.role) && is_valid_utf8(message.content)) continue;
    return Error{ErrorCode::kUsage, "message: expected UTF-8, found other bytes", {}};
  }
  Result<ChatTemplate> parsed = ChatTemplate::parse(*source);
  if (!parsed) return std::move(parsed).error();
  ChatTemplateInput input;
  input.messages = chat_messages(messages);
  input.kwargs.set("add_generation_prompt", jinja::Value::boolean(true));
  input.now = local_time();
  add_special_tokens(tokenizer, input);
  return parsed->render(input);
}

}  // namespace bora
