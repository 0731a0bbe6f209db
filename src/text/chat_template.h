// ChatTemplate: a model's Jinja chat template, rendered to the text that the model was trained on.
//
// Renders as transformers' apply_chat_template does: the immutable sandbox of jinja2 with
// trim_blocks, lstrip_blocks, loop controls, raise_exception, strftime_now, tojson as json.dumps,
// and the generation tag, which passes its text through. It does not tokenize and adds no tokens of
// its own.
//
// Templates and messages are hostile: the bounds are in text/jinja/limits.h. Errors are kBadModel
// with "chat template: line N: ..." (what a template raises itself is in it word for word), kUsage
// for a malformed messages file. A ChatTemplate is immutable; render() may run on several threads
// at once.
#pragma once

#include "base/result.h"
#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace bora {

struct ChatTemplateInput {
  jinja::Value messages;                      // a list of dicts: role, content, ...
  jinja::Value tools = jinja::Value::none();  // a list of JSON schemas, or none
  jinja::Value documents = jinja::Value::none();
  // Everything else that the template sees by name: bos_token, eos_token, enable_thinking ...
  // add_generation_prompt is false where it is not set.
  jinja::Dict kwargs;
  jinja::DateTime now;  // what strftime_now sees
};

// One message of plain text.
struct ChatMessage {
  std::string role;
  std::string content;
};

// A list of {"role", "content"} dicts. The texts must be valid UTF-8.
jinja::Value chat_messages(std::span<const ChatMessage> messages);

// Reads the file of `bora template --messages`: {"messages": [..], "tools": .., "documents": ..,
// "kwargs": {..}, "now": "2024-07-26T14:05:09"}, all but messages optional; `documents` may also be
// one of the kwargs, as in transformers. `now` is the time where the file has none.
Result<ChatTemplateInput> parse_chat_input(std::string_view json, const jinja::DateTime& now);

class ChatTemplate {
 public:
  static Result<ChatTemplate> parse(std::string_view source);

  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;
  ChatTemplate(const ChatTemplate&) = delete;
  ChatTemplate& operator=(const ChatTemplate&) = delete;
  ~ChatTemplate();

  [[nodiscard]] Result<std::string> render(const ChatTemplateInput& input) const;
  // render() of what parse_chat_input reads.
  [[nodiscard]] Result<std::string> render_json(std::string_view json,
                                                const jinja::DateTime& now) const;

 private:
  struct Parsed;
  explicit ChatTemplate(std::unique_ptr<const Parsed> parsed);
  std::unique_ptr<const Parsed> parsed_;
};

}  // namespace bora
