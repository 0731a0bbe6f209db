#include "cli/line_source.h"

#include <unistd.h>

namespace bora {

Result<Line> PlainLines::next(const std::string&) {
  Result<std::optional<std::string>> line = input_.next_line();
  if (!line) return std::move(line).error();
  if (!*line) return Line{Line::Kind::kEnd, {}};
  std::string text = **std::move(line);
  if (!text.empty() && text.back() == '\r') text.pop_back();
  return Line{Line::Kind::kText, std::move(text)};
}

EchoPause::EchoPause() {
  termios now = {};
  if (::tcgetattr(STDIN_FILENO, &now) != 0) return;
  before_ = now;
  now.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  ::tcsetattr(STDIN_FILENO, TCSANOW, &now);
}

EchoPause::~EchoPause() {
  if (before_) ::tcsetattr(STDIN_FILENO, TCSANOW, &*before_);
}

bool terminal_is_there() {
  return stdin_is_terminal() && (::isatty(STDOUT_FILENO) == 1 || ::isatty(STDERR_FILENO) == 1);
}

}  // namespace bora
