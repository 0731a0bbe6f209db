#include "cli/chat_input.h"

#include "base/nearest.h"
#include "base/printable.h"
#include "cli/flags.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

namespace bora {
namespace {

constexpr std::string_view kQuotes = "\"\"\"";
constexpr std::string_view kBlanks = " \t";

constexpr std::array kCommands = {
    ChatCommand{"/help", "", "this list"},
    ChatCommand{"/reset", "", "forget the conversation; the system message stays"},
    ChatCommand{"/system", "TEXT", "set the system message; without TEXT, have none"},
    ChatCommand{"/save", "FILE", "write the conversation as JSON, replacing FILE"},
    ChatCommand{"/exit", "", "leave (Ctrl-D does, too)"},
};

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

Error unknown_command(std::string_view word) {
  std::vector<std::string_view> words;
  words.reserve(kCommands.size());
  for (const ChatCommand& command : kCommands) words.push_back(command.word);
  Error error{ErrorCode::kUsage,
              fmt::format("command: expected one of {}, found {}", fmt::join(words, ", "),
                          quoted(word, 40)),
              {}};
  const std::string_view guess = nearest(word, words);
  if (!guess.empty()) error.hints.push_back(fmt::format("did you mean {}?", guess));
  error.hints.push_back(fmt::format("a message that begins with /: {}/..{}", kQuotes, kQuotes));
  return error;
}

Result<ChatInput> parse_command(std::string_view line) {
  const std::string_view word = line.substr(0, line.find_first_of(kBlanks));
  const std::string_view argument = trimmed(line.substr(word.size()));
  const auto command = std::ranges::find(kCommands, word, &ChatCommand::word);
  if (command == kCommands.end()) return unknown_command(word);
  if (!argument.empty() && command->argument.empty()) {
    return Error{ErrorCode::kUsage,
                 fmt::format("{}: expected nothing after it, found {}", word, quoted(argument, 40)),
                 {}};
  }
  return ChatInput{ChatInput::Kind::kCommand, std::string(word), std::string(argument)};
}

// The rest of a message whose first line, without its quotes, is `first`.
Result<ChatInput> read_block(LineSource& lines, std::string_view first) {
  std::string message;
  std::string line(first);
  for (;;) {
    if (line.size() >= kQuotes.size() && line.ends_with(kQuotes)) {
      message.append(line, 0, line.size() - kQuotes.size());
      return ChatInput{ChatInput::Kind::kMessage, std::move(message), {}};
    }
    message += line + "\n";
    Result<Line> next = lines.next("... ");
    if (!next) return std::move(next).error();
    switch (next->kind) {
      case Line::Kind::kText:
        break;
      case Line::Kind::kInterrupted:
        return ChatInput{ChatInput::Kind::kInterrupted, {}, {}};
      case Line::Kind::kEnd:
        return Error{ErrorCode::kUsage,
                     "message: expected \"\"\" at its end, found the end of the input",
                     {}};
    }
    line = std::move(next->text);
  }
}

}  // namespace

std::span<const ChatCommand> chat_commands() { return kCommands; }

std::string chat_help() {
  std::string text;
  for (const ChatCommand& command : kCommands) {
    text += fmt::format("  {:<14}{}\n", fmt::format("{} {}", command.word, command.argument),
                        command.help);
  }
  return text +
         "  \"\"\"           begins and ends a message of several lines\n"
         "  Ctrl-C        stops an answer, which keeps what was said; clears a line\n";
}

Result<ChatInput> next_chat_input(LineSource& lines) {
  for (;;) {
    Result<Line> line = lines.next("> ");
    if (!line) return std::move(line).error();
    switch (line->kind) {
      case Line::Kind::kEnd:
        return ChatInput{ChatInput::Kind::kEnd, {}, {}};
      case Line::Kind::kInterrupted:
        return ChatInput{ChatInput::Kind::kInterrupted, {}, {}};
      case Line::Kind::kText:
        break;
    }
    const std::string_view text = line->text;
    if (trimmed(text).empty()) continue;
    if (text.starts_with(kQuotes)) return read_block(lines, text.substr(kQuotes.size()));
    if (text.front() == '/') return parse_command(text);
    return ChatInput{ChatInput::Kind::kMessage, std::move(line->text), {}};
  }
}

}  // namespace bora
