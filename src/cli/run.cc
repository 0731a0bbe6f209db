// bora run: a prompt in, the text that follows out, as it comes, and a report of how fast.
#include "cli/command.h"
#include "cli/environment.h"
#include "cli/input.h"
#include "cli/interrupt.h"
#include "cli/load.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/run_report.h"

#include <fmt/format.h>

namespace bora {
namespace {

struct RunOptions {
  ModelLocation location;
  std::optional<std::string> prompt;
  std::string prompt_file;
  std::optional<std::vector<TokenId>> prompt_ids;
  bool chat = false;
  std::optional<std::string> system;
  std::string chat_template;
  std::size_t max_new_tokens = kUsualNewTokens;
  std::vector<std::string> stop;
  bool ignore_eos = false;
  SpeculateFlags speculate;
  std::size_t parallel = 1;
  SamplingFlags sampling;
  EngineFlags engine;
  ReportFlags report;
};

constexpr HelpText kHelp = {
    "bora run [MODEL] [-p TEXT | --prompt-file F | --prompt-ids 1,2,3] [options]",
    "Completes a prompt (stdin if none is given) and streams the text to stdout; a report of the\n"
    "speed follows on stderr. Ctrl-C ends the answer.",
    "JSON (--json): one object with\n"
    "  text, prompt_ids, ids, finish_reason (stop|length|interrupted), model, device, isa, load, "
    "weights,\n"
    "  timings: load_s (process start to first forward pass), prefill_s, prefill_tokens_per_s,\n"
    "  decode_s (the new tokens after the first), decode_tokens_per_s, total_tokens_per_s\n"
    "  (prompt and new / (prefill_s + decode_s)), weight_bytes_per_token (without the embedding\n"
    "  table), speculation: drafted and accepted (tokens guessed, and guessed right: as many "
    "steps\n"
    "  were saved), and both of lookup and of model, which guessed them; with --draft-model also\n"
    "  draft_model, its name; with --logprobs N also logprobs: [{id, logprob, top: [[id, logprob], "
    "..]}, "
    "..];\n"
    "  with --parallel N also parallel: N, and speeds and decode_s are of all answers together"};

FlagTable make_flags(RunOptions& options) {
  FlagTable flags("run");
  flags.positional("MODEL",
                   "OWNER/NAME on the Hub, folder with a checkpoint or .gguf file (default: "
                   "SmolLM2-135M-Instruct)",
                   options.location.model);
  flags.group("Prompt");
  flags.text("-p,--prompt", "TEXT", "the prompt", options.prompt);
  flags.text("--prompt-file", "FILE", "the prompt is this file, as it is", options.prompt_file);
  flags.ids("--prompt-ids", "the prompt as token ids; nothing is added", options.prompt_ids);
  flags.toggle("--chat", "wrap the prompt in the model's chat template", options.chat);
  flags.text("--system", "TEXT", "system message of --chat", options.system);
  flags.text("--chat-template", "FILE", "template of --chat, instead of the model's",
             options.chat_template);
  flags.group("Answer");
  flags.whole("--max-new-tokens", "at most N new tokens (default 300)", kPositiveCount,
              options.max_new_tokens);
  flags.texts("--stop", "TEXT", "end before this text; may be given several times", options.stop);
  flags.toggle("--ignore-eos", "an end-of-sequence token is an ordinary one", options.ignore_eos);
  flags.whole("--parallel", "answer N times as a batch and print the first (seed + i each)",
              {1, 1024}, options.parallel);
  add_speculate_flags(flags, options.speculate);
  add_sampling_flags(flags, options.sampling);
  add_engine_flags(flags, options.engine);
  add_location_flags(flags, options.location);
  add_discard_flag(flags, options.location);
  add_report_flags(flags, options.report);
  return flags;
}

Error usage(std::string message, std::vector<std::string> hints = {}) {
  return {ErrorCode::kUsage, std::move(message), std::move(hints)};
}

Result<void> check(const RunOptions& options) {
  const int prompts = (options.prompt ? 1 : 0) + (options.prompt_file.empty() ? 0 : 1) +
                      (options.prompt_ids ? 1 : 0);
  if (prompts > 1) {
    return usage("prompt: expected one of --prompt, --prompt-file and --prompt-ids, found more");
  }
  if (options.chat && options.prompt_ids) {
    return usage("--chat: expected a prompt of text, found --prompt-ids");
  }
  if (!options.chat && (options.system || !options.chat_template.empty())) {
    return usage(fmt::format("{}: expected --chat with it, found none",
                             options.system ? "--system" : "--chat-template"));
  }
  for (const std::string& stop : options.stop) {
    if (stop.empty()) return usage("--stop: expected a text, found an empty one");
  }
  return check(options.speculate);
}

// The prompt's text from where the flags say; it is not empty.
Result<std::string> read_prompt(const RunOptions& options) {
  std::string prompt;
  if (options.prompt) {
    prompt = *options.prompt;
  } else {
    const bool from_stdin = options.prompt_file.empty();
    if (from_stdin && stdin_is_terminal()) {
      print_note("reading the prompt from stdin; end it with Ctrl-D (or give it with -p)\n");
    }
    Result<Input> input = Input::open(from_stdin ? "-" : options.prompt_file);
    if (!input) return std::move(input).error();
    Result<std::string> text = input->rest();
    if (!text) return text;
    prompt = *std::move(text);
  }
  if (prompt.empty()) return usage("prompt: expected some text, found none");
  return prompt;
}

Result<std::vector<TokenId>> encode_prompt(const RunOptions& options, const Llm& llm,
                                           const std::string& prompt) {
  if (options.prompt_ids) return *options.prompt_ids;
  if (!options.chat) return llm.encode(prompt);
  std::vector<ChatMessage> messages;
  if (options.system) messages.push_back({"system", *options.system});
  messages.push_back({"user", prompt});
  return llm.encode_chat(messages);
}

Result<ExitCode> answer(const RunOptions& options, Llm& llm, std::vector<TokenId> prompt,
                        ProgressLine& progress) {
  CompletionOptions completion;
  completion.sampling = sampling_params(options.sampling);
  completion.max_new_tokens = options.max_new_tokens;
  completion.stop = options.stop;
  completion.ignore_eos = options.ignore_eos;
  completion.parallel = options.parallel;
  completion.speculate = speculate_of(options.speculate);
  completion.interrupted = &interrupt_flag();

  Output out;
  Result<void> written;
  const auto on_text = [&](std::string_view text) {
    if (options.report.json) return true;
    progress.stop();
    written = out.write(text);
    if (written) written = out.flush();
    return written && !out.closed();
  };
  const double load_s = seconds_since_start();
  Result<Completion> done = llm.complete(std::move(prompt), completion, on_text);
  progress.stop();
  if (!done) return std::move(done).error();
  if (written) {
    written = out.write(options.report.json ? to_line(run_json(*done, llm.info(), load_s)) : "\n");
  }
  if (written) written = out.flush();
  if (!written) return std::move(written).error();
  if (out.closed()) return ExitCode::kDone;
  const bool interrupted = done->finish_reason == FinishReason::kInterrupted;
  if (!options.report.json && !options.report.quiet) {
    print_run_report(*done, llm.info(), load_s, options.engine);
  }
  return interrupted ? ExitCode::kInterrupted : ExitCode::kDone;
}

}  // namespace

FlagTable run_flags() {
  static RunOptions options;
  return make_flags(options);
}

Result<ExitCode> run_command(Arguments arguments) {
  RunOptions options;
  FlagTable flags = make_flags(options);
  Result<bool> parsed = parse_arguments(flags, kHelp, arguments);
  if (!parsed) return std::move(parsed).error();
  if (!*parsed) return ExitCode::kDone;
  if (Result<void> checked = check(options); !checked) return std::move(checked).error();
  std::string text;
  if (!options.prompt_ids) {
    Result<std::string> prompt = read_prompt(options);
    if (!prompt) return std::move(prompt).error();
    text = *std::move(prompt);
  }
  std::optional<Llm> llm;  // outlives the line that watches it
  ProgressLine progress(options.report.quiet || options.report.json);
  Result<Llm> opened =
      open_llm(options.location, options.engine, options.speculate, options.chat_template, progress,
               {.max_sequences = options.parallel, .new_tokens = options.max_new_tokens});
  if (!opened) return std::move(opened).error();
  llm = *std::move(opened);
  progress.watch(*llm);
  Result<std::vector<TokenId>> prompt = encode_prompt(options, *llm, text);
  if (!prompt) return std::move(prompt).error();
  return answer(options, *llm, *std::move(prompt), progress);
}

}  // namespace bora
