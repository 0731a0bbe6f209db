// The commands of bora: one entry of commands() each, one file each.
//
// A command parses its arguments into an options struct through a FlagTable, does its work and
// returns an exit code; whatever goes wrong is an Error that run_cli()'s caller prints.
#pragma once

#include "base/result.h"
#include "cli/exit_code.h"
#include "cli/flags.h"

#include <span>
#include <string>
#include <string_view>

namespace bora {

using Arguments = std::span<const std::string>;

struct Command {
  std::string_view name;
  std::string_view summary;
  Result<ExitCode> (*run)(Arguments arguments);
  FlagTable (*flags)();  // its table, to be read, not to parse with
};

std::span<const Command> commands();

// What a command's --help says besides its flags.
struct HelpText {
  std::string_view usage;   // "bora run [MODEL] ..."
  std::string_view about;   // what it does
  std::string_view footer;  // JSON keys and the like; may be empty
};

// Parses the arguments. False: --help was asked for and has been printed.
Result<bool> parse_arguments(FlagTable& flags, const HelpText& help, Arguments arguments);

Result<ExitCode> run_command(Arguments arguments);
Result<ExitCode> chat_command(Arguments arguments);
Result<ExitCode> eval_command(Arguments arguments);
Result<ExitCode> verify_command(Arguments arguments);
Result<ExitCode> tokenize_command(Arguments arguments);
Result<ExitCode> template_command(Arguments arguments);
Result<ExitCode> bench_command(Arguments arguments);
Result<ExitCode> plan_command(Arguments arguments);
Result<ExitCode> pull_command(Arguments arguments);
Result<ExitCode> rm_command(Arguments arguments);
Result<ExitCode> login_command(Arguments arguments);
Result<ExitCode> logout_command(Arguments arguments);
Result<ExitCode> list_command(Arguments arguments);
Result<ExitCode> doctor_command(Arguments arguments);

Result<ExitCode> completion_command(Arguments arguments);

FlagTable run_flags();
FlagTable chat_flags();
FlagTable eval_flags();
FlagTable verify_flags();
FlagTable tokenize_flags();
FlagTable template_flags();
FlagTable bench_flags();
FlagTable plan_flags();
FlagTable pull_flags();
FlagTable rm_flags();
FlagTable login_flags();
FlagTable logout_flags();
FlagTable list_flags();
FlagTable doctor_flags();
FlagTable completion_flags();

// The whole program but for printing errors: `arguments` without the program's name.
Result<ExitCode> run_cli(Arguments arguments);

}  // namespace bora
