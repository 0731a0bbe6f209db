// The loop of `bora chat`: reads messages and commands, streams answers, keeps the conversation.
#pragma once

#include "base/result.h"
#include "cli/exit_code.h"
#include <bora/llm.h>

#include <cstdint>
#include <optional>
#include <string>

namespace bora {

struct ChatSetup {
  std::optional<std::string> system;
  CompletionOptions completion;
  std::optional<std::uint64_t> seed;  // nullopt: a new one for each conversation
  bool json = false;
  bool quiet = false;
};

// Until the input ends. In a terminal kDone; through a pipe the exit code of the first line that
// failed. Errors: kInterrupted (through a pipe); kFailed, stdin or stdout.
Result<ExitCode> run_chat(Llm& llm, ChatSetup setup);

}  // namespace bora
