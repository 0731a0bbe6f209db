// A conversation to the text of a prompt.
#pragma once

#include "base/result.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

#include <optional>
#include <string>
#include <vector>

namespace bora {

// The local time, for templates that write the date.
jinja::DateTime local_time();

// Gives a template the tokenizer's bos_token, eos_token, unk_token and pad_token, where the input
// does not set them itself.
void add_special_tokens(const Tokenizer& tokenizer, ChatTemplateInput& input);

// Renders the messages through `chat_template`, or else through the tokenizer's own, up to where
// the assistant speaks. Errors: kNotFound where there is no template; kUsage for messages that are
// not UTF-8; those of ChatTemplate.
Result<std::string> render_chat(const Tokenizer& tokenizer,
                                const std::optional<std::string>& chat_template,
                                const std::vector<ChatMessage>& messages);

}  // namespace bora
