// Where the lines of an interactive command come from: a terminal with line editing, or a pipe.
#pragma once

#include "base/result.h"
#include "cli/input.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <termios.h>

namespace bora {

struct Line {
  enum class Kind {
    kText,
    kEnd,          // of the input; Ctrl-D on an empty line
    kInterrupted,  // Ctrl-C while a line was being typed: what was typed is gone
  };
  Kind kind = Kind::kText;
  std::string text;  // without its newline
};

class LineSource {
 public:
  LineSource() = default;
  virtual ~LineSource() = default;
  LineSource(const LineSource&) = delete;
  LineSource& operator=(const LineSource&) = delete;
  LineSource(LineSource&&) = delete;
  LineSource& operator=(LineSource&&) = delete;

  // `prompt`: what a terminal shows before the line.
  virtual Result<Line> next(const std::string& prompt) = 0;
};

// stdin, line by line, with nothing shown. An interrupt is an error, kInterrupted.
class PlainLines : public LineSource {
 public:
  explicit PlainLines(Input input) : input_(std::move(input)) {}
  Result<Line> next(const std::string& prompt) override;

 private:
  Input input_;
};

// The lines of a terminal, through libedit: editing keys, history (in memory only), characters of
// any script. What it shows goes to stdout, or to stderr where stdout leads elsewhere.
// Precondition: terminal_is_there(). Errors: kFailed, where libedit does not start.
Result<std::unique_ptr<LineSource>> make_line_editor();

// While it lives, the terminal does not show what is typed, which would mix with an answer; the
// next line begins with it.
class EchoPause {
 public:
  EchoPause();
  ~EchoPause();
  EchoPause(const EchoPause&) = delete;
  EchoPause& operator=(const EchoPause&) = delete;
  EchoPause(EchoPause&&) = delete;
  EchoPause& operator=(EchoPause&&) = delete;

 private:
  std::optional<termios> before_;
};

// Whether somebody sits in front: stdin and one of stdout and stderr are a terminal.
bool terminal_is_there();

}  // namespace bora
