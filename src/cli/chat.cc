// bora chat: a conversation, in a terminal or through a pipe.
#include "api/chat_sampling.h"
#include "api/conversation.h"
#include "base/log.h"
#include "cli/chat_session.h"
#include "cli/command.h"
#include "cli/load.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "formats/checkpoint.h"
#include "text/tokenizer.h"

#include <fmt/format.h>

namespace bora {
namespace {

// What a conversation comes to, as far as is known.
constexpr std::size_t kManyTokens = 10'000;

struct ChatOptions {
  ModelLocation location;
  std::optional<std::string> system;
  std::string chat_template;
  std::size_t max_new_tokens = 0;  // 0: as far as the context goes
  std::vector<std::string> stop;
  SpeculateFlags speculate;
  SamplingFlags sampling;
  EngineFlags engine;
  ReportFlags report;
};

constexpr HelpText kHelp = {
    "bora chat [MODEL] [options]",
    "A conversation through the model's chat template. In a terminal: line editing, history\n"
    "(arrow up; kept in memory only), /help lists the commands, \"\"\" begins and ends a message "
    "of\n"
    "several lines, Ctrl-C stops an answer, which keeps what was said, and clears a line; Ctrl-D, "
    "or\n"
    "Ctrl-C twice, leaves. Through a pipe: one message or command a line; stdout gets the answers "
    "and\n"
    "nothing else, a line that fails is told on stderr and gives the exit code in the end.\n\n"
    "Sampling is as the flags say, else as the model's generation_config.json says (what it "
    "leaves\n"
    "out is as in transformers: greedy without do_sample, temperature 1, top-k 50); a model "
    "without\n"
    "one, or whose file does not speak of sampling, and every GGUF file gets temperature 0.6 and\n"
    "top-p 0.9.",
    "JSON (--json): for each answer one line, an object with the keys of bora run --json.\n"
    "/save writes {\"messages\": [{\"role\", \"content\"}, ..]}, which bora template --messages "
    "reads."};

FlagTable make_flags(ChatOptions& options) {
  FlagTable flags("chat");
  flags.positional("MODEL",
                   "OWNER/NAME on the Hub, folder with a checkpoint or .gguf file (default: "
                   "SmolLM2-135M-Instruct)",
                   options.location.model);
  flags.group("Conversation");
  flags.text("--system", "TEXT", "system message", options.system);
  flags.text("--chat-template", "FILE", "template, instead of the model's", options.chat_template);
  flags.group("Answer");
  flags.whole("--max-new-tokens", "at most N tokens an answer (default: as the context allows)",
              kPositiveCount, options.max_new_tokens);
  flags.texts("--stop", "TEXT", "end before this text; may be given several times", options.stop);
  add_speculate_flags(flags, options.speculate);
  add_sampling_flags(
      flags, options.sampling,
      {.title = "Sampling (default: the model's generation_config.json)",
       .seed = "same seed, same answers (default: a new one for each conversation)"});
  add_engine_flags(flags, options.engine);
  add_location_flags(flags, options.location);
  add_discard_flag(flags, options.location);
  add_report_flags(flags, options.report);
  return flags;
}

Result<void> check(const ChatOptions& options) {
  for (const std::string& stop : options.stop) {
    if (!stop.empty()) continue;
    return Error{ErrorCode::kUsage, "--stop: expected a text, found an empty one", {}};
  }
  return check(options.speculate);
}

// A base model says so before anybody has typed a message; so does a template that cannot be used.
Result<void> check_template(const Llm& llm, const ChatOptions& options) {
  const Tokenizer* tokenizer = llm.tokenizer();
  const std::string name = llm.info().name;
  if (tokenizer == nullptr) {
    return Error{ErrorCode::kNotFound,
                 fmt::format("{}: expected a tokenizer beside the weights, found none", name),
                 {}};
  }
  if (options.chat_template.empty() && !tokenizer->chat_template()) {
    return Error{ErrorCode::kNotFound,
                 fmt::format("{}: expected a chat template, found none: a base model, not made for "
                             "conversations",
                             name),
                 {"bora run completes plain text with it",
                  "--chat-template FILE gives it a template (Jinja)"}};
  }
  Conversation probe;
  probe.set_system(options.system);
  std::vector<ChatMessage> messages = probe.messages();
  messages.push_back({"user", "Hello"});
  Result<std::vector<TokenId>> ids = llm.encode_chat(messages);
  if (!ids) return std::move(ids).error();
  return {};
}

Result<SamplingParams> sampling_of(const Llm& llm, const SamplingFlags& flags) {
  const auto as_float = [](const std::optional<double>& flag) {
    return flag ? std::optional(static_cast<float>(*flag)) : std::nullopt;
  };
  const SamplingWishes wishes = {.temperature = as_float(flags.temperature),
                                 .top_k = flags.top_k,
                                 .top_p = as_float(flags.top_p),
                                 .min_p = as_float(flags.min_p),
                                 .repetition_penalty = as_float(flags.repetition_penalty)};
  Result<SamplingParams> params = chat_sampling(llm.checkpoint().generation_config(), wishes);
  if (!params) return params;
  const SamplingParams others = sampling_params(flags);
  params->presence_penalty = others.presence_penalty;
  params->frequency_penalty = others.frequency_penalty;
  params->logprobs = others.logprobs;
  log(LogLevel::kInfo,
      fmt::format("sampling: temperature {}, top-k {}, top-p {}, min-p {}, repetition penalty {}",
                  params->temperature, params->top_k, params->top_p, params->min_p,
                  params->repetition_penalty));
  return params;
}

Result<ExitCode> converse(const ChatOptions& options, Llm& llm) {
  if (Result<void> usable = check_template(llm, options); !usable) {
    return std::move(usable).error();
  }
  Result<SamplingParams> sampling = sampling_of(llm, options.sampling);
  if (!sampling) return std::move(sampling).error();
  ChatSetup setup;
  setup.system = options.system;
  setup.seed = options.sampling.seed;
  setup.completion.sampling = *sampling;
  setup.completion.max_new_tokens =
      options.max_new_tokens > 0 ? options.max_new_tokens : llm.info().context_length;
  setup.completion.stop = options.stop;
  setup.completion.speculate = speculate_of(options.speculate);
  setup.json = options.report.json;
  setup.quiet = options.report.quiet;
  return run_chat(llm, std::move(setup));
}

}  // namespace

FlagTable chat_flags() {
  static ChatOptions options;
  return make_flags(options);
}

Result<ExitCode> chat_command(Arguments arguments) {
  ChatOptions options;
  FlagTable flags = make_flags(options);
  Result<bool> parsed = parse_arguments(flags, kHelp, arguments);
  if (!parsed) return std::move(parsed).error();
  if (!*parsed) return ExitCode::kDone;
  if (Result<void> checked = check(options); !checked) return std::move(checked).error();
  std::optional<ProgressLine> progress(std::in_place, options.report.quiet || options.report.json);
  Result<Llm> llm = open_llm(options.location, options.engine, options.speculate,
                             options.chat_template, *progress, {.new_tokens = kManyTokens});
  progress.reset();
  if (!llm) return std::move(llm).error();
  return converse(options, *llm);
}

}  // namespace bora
