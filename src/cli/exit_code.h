// Exit codes of the program, and the one place that prints an error. The codes are a contract
// (docs/cli.md): scripts depend on them.
#pragma once

#include "base/result.h"

#include <string>

namespace bora {

enum class ExitCode : int {
  kDone = 0,
  kFailed = 1,
  kUsage = 2,
  kBadModel = 3,
  kNotFound = 4,
  kDoesNotFit = 5,
  kInterrupted = 130,
};

ExitCode exit_code(ErrorCode code);

// "bora: MESSAGE" and at most three lines of hints, each ended by a newline. Control characters,
// which a hostile file could put into a name, are escaped: the message stays one line and cannot
// move the cursor.
std::string format_error(const Error& error);

// Writes format_error() to stderr. Returns the error's exit code.
ExitCode print_error(const Error& error);

}  // namespace bora
