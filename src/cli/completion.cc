// bora completion: a script that completes bora's commands and flags in a shell.
#include "cli/completion.h"

#include "cli/command.h"
#include "cli/output.h"

#include <array>

namespace bora {
namespace {

constexpr std::array kShells = {Choice{"bash"}, Choice{"zsh"}, Choice{"fish"}};

constexpr HelpText kHelp = {
    "bora completion SHELL",
    "Writes a script that completes commands, flags and file names. `make install` puts it where "
    "the\n"
    "shells look; for one shell only:\n"
    "  bash  source <(bora completion bash)\n"
    "  zsh   source <(bora completion zsh)     after compinit\n"
    "  fish  bora completion fish | source",
    ""};

FlagTable make_flags(std::string& shell) {
  FlagTable flags("completion");
  flags.positional_choice("SHELL", "bash, zsh or fish", kShells, shell);
  return flags;
}

}  // namespace

FlagTable completion_flags() {
  static std::string shell;
  return make_flags(shell);
}

Result<ExitCode> completion_command(Arguments arguments) {
  std::string shell;
  FlagTable flags = make_flags(shell);
  Result<bool> parsed = parse_arguments(flags, kHelp, arguments);
  if (!parsed) return std::move(parsed).error();
  if (!*parsed) return ExitCode::kDone;
  std::vector<CommandInfo> all;
  for (const Command& command : commands()) {
    all.push_back(
        {std::string(command.name), std::string(command.summary), command.flags().rows()});
  }
  if (shell == "bash") return print_all(bash_completion(all));
  if (shell == "zsh") return print_all(zsh_completion(all));
  return print_all(fish_completion(all));
}

}  // namespace bora
