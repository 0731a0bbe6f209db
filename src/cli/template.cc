// bora template: a conversation as its chat template writes it.
#include "api/chat_prompt.h"
#include "cli/command.h"
#include "cli/find_model.h"
#include "cli/input.h"
#include "cli/options.h"
#include "cli/output.h"

#include <fmt/format.h>

namespace bora {
namespace {

struct TemplateOptions {
  ModelLocation location;
  std::string template_file;
  std::string messages;
  bool json = false;
};

constexpr HelpText kHelp = {
    "bora template [MODEL | --template FILE] --messages FILE",
    "Renders the chat template of a model, or of a file, to stdout, with nothing added.\n"
    "The messages file holds {\"messages\": [{\"role\": .., \"content\": ..}, ..], \"tools\": ..,\n"
    "\"documents\": .., \"kwargs\": {..}, \"now\": \"2024-07-26T14:05:09\"}, all but messages "
    "optional.\n"
    "kwargs are what the template sees by name (add_generation_prompt, enable_thinking, ..); a\n"
    "MODEL's bos_token and eos_token are among them. An error that the template raises: exit code "
    "3.",
    "JSON (--json): {\"text\": \"..\"}"};

FlagTable make_flags(TemplateOptions& options) {
  FlagTable flags("template");
  flags.positional("MODEL",
                   "OWNER/NAME on the Hub, folder with a checkpoint or .gguf file (default: "
                   "SmolLM2-135M-Instruct)",
                   options.location.model);
  flags.text("--template", "FILE", "a Jinja template, instead of a model's", options.template_file);
  flags.text("--messages", "FILE", "the conversation; - for stdin", options.messages);
  flags.toggle("--json", "one JSON object on stdout", options.json);
  add_location_flags(flags, options.location);
  return flags;
}

Result<std::string> read_all(const std::string& path) {
  Result<Input> input = Input::open(path);
  if (!input) return std::move(input).error();
  return input->rest();
}

// The template's text; where it is a model's, its special tokens become part of the input.
Result<std::string> find_template(const TemplateOptions& options, ChatTemplateInput& input) {
  if (!options.template_file.empty()) return read_all(options.template_file);
  Result<std::filesystem::path> model = find_model(options.location);
  if (!model) return std::move(model).error();
  Result<Tokenizer> tokenizer = Tokenizer::load(*model);
  if (!tokenizer) return std::move(tokenizer).error();
  const std::optional<std::string_view> source = tokenizer->chat_template();
  if (!source) {
    return Error{ErrorCode::kNotFound,
                 fmt::format("{}: expected a chat template, found none", model->string()),
                 {"give one with --template FILE"}};
  }
  add_special_tokens(*tokenizer, input);
  return std::string(*source);
}

Result<std::string> render(const TemplateOptions& options) {
  Result<std::string> messages = read_all(options.messages);
  if (!messages) return messages;
  Result<ChatTemplateInput> input = parse_chat_input(*messages, local_time());
  if (!input) return std::move(input).error();
  Result<std::string> source = find_template(options, *input);
  if (!source) return source;
  Result<ChatTemplate> parsed = ChatTemplate::parse(*source);
  if (!parsed) return std::move(parsed).error();
  return parsed->render(*input);
}

}  // namespace

FlagTable template_flags() {
  static TemplateOptions options;
  return make_flags(options);
}

Result<ExitCode> template_command(Arguments arguments) {
  TemplateOptions options;
  FlagTable flags = make_flags(options);
  Result<bool> parsed = parse_arguments(flags, kHelp, arguments);
  if (!parsed) return std::move(parsed).error();
  if (!*parsed) return ExitCode::kDone;
  if (options.messages.empty()) {
    return Error{ErrorCode::kUsage, "--messages: expected a file, found none", {}};
  }
  if (!options.location.model.empty() && !options.template_file.empty()) {
    return Error{ErrorCode::kUsage, "template: expected MODEL or --template, found both", {}};
  }
  Result<std::string> text = render(options);
  if (!text) return std::move(text).error();
  return print_all(options.json ? to_line(Json{{"text", *text}}) : *text);
}

}  // namespace bora
