#include "cli/command.h"

#include "base/nearest.h"
#include "base/printable.h"
#include "base/version.h"
#include "cli/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

namespace bora {
namespace {

constexpr std::array kCommands = {
    Command{"run", "complete a prompt, or answer it (--chat)", run_command, run_flags},
    Command{"chat", "a conversation, in a terminal or through a pipe", chat_command, chat_flags},
    Command{"bench", "prefill and decode speed beside the machine's measured limits", bench_command,
            bench_flags},
    Command{"eval", "perplexity of a text; KL divergence to another model", eval_command,
            eval_flags},
    Command{"verify", "compare with values recorded elsewhere", verify_command, verify_flags},
    Command{"tokenize", "text to token ids and back", tokenize_command, tokenize_flags},
    Command{"template", "render a chat template", template_command, template_flags},
    Command{"plan", "what a model takes of the memory, and what would fit", plan_command,
            plan_flags},
    Command{"pull", "download a model of the Hub, with resume and verification", pull_command,
            pull_flags},
    Command{"list", "the models on this machine", list_command, list_flags},
    Command{"rm", "take a model out of the Hub's cache", rm_command, rm_flags},
    Command{"login", "store the Hub's token", login_command, login_flags},
    Command{"logout", "forget it", logout_command, logout_flags},
    Command{"doctor", "what this machine has and what bora makes of it", doctor_command,
            doctor_flags},
    Command{"completion", "a script that completes bora's commands and flags in a shell",
            completion_command, completion_flags},
};

std::string overview() {
  std::string text =
      "usage: bora COMMAND [MODEL] [options]\n\n"
      "Runs large language models. MODEL is OWNER/NAME on the Hub, a folder with a Hugging "
      "Face\ncheckpoint or a .gguf file; without one, the default model "
      "SmolLM2-135M-Instruct.\n\ncommands:\n";
  for (const Command& command : kCommands) {
    text += fmt::format("  {:<12}{}\n", command.name, command.summary);
  }
  text +=
      "\noptions:\n  -h, --help    this text; bora COMMAND --help for a command's options\n"
      "  --version     which bora this is\n\n"
      "BORA_LOG=debug|info|warn writes a log to stderr. BORA_CACHE names the folder of models\n"
      "(default ~/.cache/bora). Exit codes: 0 done, 1 failed, 2 wrong usage, 3 bad model file,\n"
      "4 not found or not allowed, 5 does not fit, 130 interrupted.\n";
  return text;
}

Error unknown_command(std::string_view word) {
  std::vector<std::string_view> names;
  names.reserve(kCommands.size());
  for (const Command& command : kCommands) names.push_back(command.name);
  Error error{ErrorCode::kUsage,
              fmt::format("command: expected one of {}, found {}", fmt::join(names, ", "),
                          quoted(word, 40)),
              {}};
  const std::string_view guess = nearest(word, names);
  if (!guess.empty()) error.hints.push_back(fmt::format("did you mean bora {}?", guess));
  return error;
}

}  // namespace

std::span<const Command> commands() { return kCommands; }

Result<bool> parse_arguments(FlagTable& flags, const HelpText& help, Arguments arguments) {
  Result<void> parsed = flags.parse(arguments);
  if (!parsed) return std::move(parsed).error();
  if (!flags.wants_help()) return true;
  std::string text = fmt::format("usage: {}\n\n{}\n\n{}", help.usage, help.about, flags.help());
  if (!help.footer.empty()) text += fmt::format("\n{}\n", help.footer);
  Result<ExitCode> printed = print_all(text);
  if (!printed) return std::move(printed).error();
  return false;
}

Result<ExitCode> run_cli(Arguments arguments) {
  if (arguments.empty()) {
    return Error{ErrorCode::kUsage,
                 "command: expected one, found none",
                 {"bora run -p \"Once upon a time\"", "bora --help lists all commands"}};
  }
  const std::string& first = arguments.front();
  if (first == "--help" || first == "-h" || first == "help") return print_all(overview());
  if (first == "--version")
    return print_all(fmt::format("bora {} ({})\n", version(), git_commit()));
  const auto command = std::ranges::find(kCommands, first, &Command::name);
  if (command == kCommands.end()) return unknown_command(first);
  return command->run(arguments.subspan(1));
}

}  // namespace bora
