#include "text/chat_template.h"

#include "text/jinja/interpreter.h"
#include "text/jinja/json.h"
#include "text/jinja/lexer.h"
#include "text/jinja/parser.h"
#include "text/jinja/strftime.h"
#include "text/unicode.h"

#include <fmt/format.h>

#include <array>
#include <optional>

namespace bora {

using jinja::Dict;
using jinja::Value;

struct ChatTemplate::Parsed {
  jinja::Template tree;
};

namespace {

Error bad_input(std::string_view expected, std::string_view found) {
  return Error{
      ErrorCode::kUsage, fmt::format("messages: expected {}, found {}", expected, found), {}};
}

// The names that render() sets itself, over kwargs of the same name: a template sees them as the
// input has them.
Dict context_of(const ChatTemplateInput& input) {
  Dict context;
  context.set("messages", input.messages);
  context.set("tools", input.tools);
  context.set("documents", input.documents);
  context.set("add_generation_prompt", Value::boolean(false));
  for (const auto& [name, value] : input.kwargs.entries()) context.set(name, value);
  return context;
}

}  // namespace

Value chat_messages(std::span<const ChatMessage> messages) {
  std::vector<Value> list;
  list.reserve(messages.size());
  for (const ChatMessage& message : messages) {
    auto dict = std::make_shared<Dict>();
    dict->set("role", Value::string(message.role));
    dict->set("content", Value::string(message.content));
    list.push_back(Value::dict(std::move(dict)));
  }
  return Value::list(std::move(list));
}

Result<ChatTemplateInput> parse_chat_input(std::string_view json, const jinja::DateTime& now) {
  auto parsed = jinja::parse_json(json);
  if (!parsed) return std::move(parsed).error().with_context("messages");
  if (!parsed->is_dict()) return bad_input("an object", jinja::type_name(*parsed));
  const Dict& file = parsed->as_dict();
  ChatTemplateInput input;
  input.now = now;
  const Value* messages = file.find("messages");
  if (messages == nullptr || !messages->is_sequence()) {
    return bad_input("a list \"messages\"",
                     messages == nullptr ? "none" : jinja::type_name(*messages));
  }
  input.messages = *messages;
  if (const Value* tools = file.find("tools")) input.tools = *tools;
  if (const Value* documents = file.find("documents")) input.documents = *documents;
  if (const Value* kwargs = file.find("kwargs"); kwargs != nullptr && !kwargs->is_none()) {
    if (!kwargs->is_dict()) return bad_input("an object \"kwargs\"", jinja::type_name(*kwargs));
    for (const auto& [name, value] : kwargs->as_dict().entries()) input.kwargs.set(name, value);
  }
  if (const Value* time = file.find("now"); time != nullptr && !time->is_none()) {
    const auto read = time->is_string() ? jinja::parse_date_time(time->text()) : std::nullopt;
    if (!read) return bad_input("\"now\" like 2024-07-26T14:05:09", "something else");
    input.now = *read;
  }
  return input;
}

ChatTemplate::ChatTemplate(std::unique_ptr<const Parsed> parsed) : parsed_(std::move(parsed)) {}
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

Result<ChatTemplate> ChatTemplate::parse(std::string_view source) {
  if (!is_valid_utf8(source)) {
    return jinja::template_error(1, "expected UTF-8, found other bytes");
  }
  auto tree = jinja::parse_template(source);
  if (!tree) return std::move(tree).error();
  auto parsed = std::make_unique<Parsed>();
  parsed->tree = std::move(*tree);
  return ChatTemplate(std::unique_ptr<const Parsed>(std::move(parsed)));
}

Result<std::string> ChatTemplate::render(const ChatTemplateInput& input) const {
  const Dict context = context_of(input);
  jinja::Runtime runtime(input.now);
  jinja::Interpreter interpreter(runtime, parsed_->tree, context);
  std::string text = interpreter.render();
  if (runtime.failed()) return jinja::template_error(runtime.error_line(), runtime.message());
  return text;
}

Result<std::string> ChatTemplate::render_json(std::string_view json,
                                              const jinja::DateTime& now) const {
  auto input = parse_chat_input(json, now);
  if (!input) return std::move(input).error();
  return render(*input);
}

}  // namespace bora
