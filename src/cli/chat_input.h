// What a user types in `bora chat`: lines to messages and commands.
#pragma once

#include "base/result.h"
#include "cli/line_source.h"

#include <span>
#include <string>
#include <string_view>

namespace bora {

struct ChatInput {
  enum class Kind { kMessage, kCommand, kEnd, kInterrupted };
  Kind kind = Kind::kMessage;
  std::string text;      // the message; the command's word, "/save"
  std::string argument;  // of a command, without blanks around it
};

struct ChatCommand {
  std::string_view word;
  std::string_view argument;  // as /help shows it
  std::string_view help;
};

std::span<const ChatCommand> chat_commands();

// The text of /help.
std::string chat_help();

// The next message or command. A line is a message, one that begins with / a command; blank lines
// are skipped. A message of several lines stands between two """, of which the first begins its
// line and the second ends its; nothing in it is a command. Errors: those of the source; kUsage for
// a command that is none, or a block that the input ends in.
Result<ChatInput> next_chat_input(LineSource& lines);

}  // namespace bora
