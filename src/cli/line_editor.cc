// The terminal's side of LineSource, over libedit's histedit.h (man 3 editline).
#include "cli/interrupt.h"
#include "cli/line_source.h"

#include <array>
#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cwchar>
#include <histedit.h>
#include <optional>
#include <poll.h>
#include <unistd.h>

namespace bora {
namespace {

constexpr int kHistoryLines = 1000;

// Set by SIGWINCH and SIGCONT: the window has another size, or a shell has had the terminal.
volatile std::sig_atomic_t terminal_changed = 0;

void on_terminal_change(int) { terminal_changed = 1; }

void install_terminal_handlers() {
  struct sigaction action = {};
  action.sa_handler = on_terminal_change;
  sigemptyset(&action.sa_mask);
  sigaction(SIGWINCH, &action, nullptr);
  sigaction(SIGCONT, &action, nullptr);
}

struct KeyBinding {
  const char* key;
  const char* action;
};

// What shells have taught, where libedit's own map differs.
constexpr std::array kKeys = {
    KeyBinding{"^R", "em-inc-search-prev"},      KeyBinding{"^W", "ed-delete-prev-word"},
    KeyBinding{"\\e[1;5C", "em-next-word"},      KeyBinding{"\\e[1;5D", "ed-prev-word"},
    KeyBinding{"\\e[3~", "ed-delete-next-char"}, KeyBinding{"\\e[H", "ed-move-to-beg"},
    KeyBinding{"\\e[F", "ed-move-to-end"},
};

class LineEditor : public LineSource {
 public:
  LineEditor() = default;
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;
  ~LineEditor() override {
    if (history_ != nullptr) history_end(history_);
    if (editor_ != nullptr) el_end(editor_);
  }

  Result<void> start();
  Result<Line> next(const std::string& prompt) override;

 private:
  static LineEditor& self(EditLine* editor);
  static char* show_prompt(EditLine* editor) { return self(editor).prompt_.data(); }
  static int read_character(EditLine* editor, wchar_t* out);
  bool wait_for_key();
  std::optional<int> take_byte(char byte, wchar_t* out);

  EditLine* editor_ = nullptr;
  History* history_ = nullptr;
  int interrupts_ = -1;  // readable once Ctrl-C was pressed
  std::string prompt_;
  std::mbstate_t partial_ = {};  // of a character whose first bytes have come
  bool interrupted_ = false;
};

LineEditor& LineEditor::self(EditLine* editor) {
  void* data = nullptr;
  el_get(editor, EL_CLIENTDATA, &data);
  return *static_cast<LineEditor*>(data);
}

Result<void> LineEditor::start() {
  const Error no_editor{ErrorCode::kFailed,
                        "terminal: expected line editing (libedit) to start, found an error",
                        {"piped input works without: one message a line"}};
  // bora's text is UTF-8 whatever the locale is called. Before threads care: only ctype is touched.
  std::setlocale(LC_CTYPE, "C.UTF-8");  // NOLINT(concurrency-mt-unsafe)
  interrupts_ = keep_running_on_interrupt();
  install_terminal_handlers();
  FILE* shown = ::isatty(STDOUT_FILENO) == 1 ? stdout : stderr;
  editor_ = el_init("bora", stdin, shown, stderr);
  history_ = history_init();
  if (editor_ == nullptr || history_ == nullptr) return no_editor;
  HistEvent ignored = {};
  history(history_, &ignored, H_SETSIZE, kHistoryLines);
  history(history_, &ignored, H_SETUNIQUE, 1);
  el_set(editor_, EL_CLIENTDATA, this);
  el_set(editor_, EL_PROMPT, show_prompt);
  el_set(editor_, EL_EDITOR, "emacs");
  el_set(editor_, EL_HIST, history, history_);
  for (const KeyBinding& binding : kKeys) {
    el_set(editor_, EL_BIND, binding.key, binding.action, nullptr);
  }
  el_source(editor_, nullptr);  // ~/.editrc, where somebody has one
  el_set(editor_, EL_GETCFN, read_character);
  return {};
}

// Waits until stdin has something. False: Ctrl-C came first.
bool LineEditor::wait_for_key() {
  for (;;) {
    if (terminal_changed != 0) {
      terminal_changed = 0;
      el_resize(editor_);
      el_set(editor_, EL_PREP_TERM, 1);
      el_set(editor_, EL_REFRESH);
    }
    if (interrupt_flag().load()) return false;
    std::array<pollfd, 2> waits{{{STDIN_FILENO, POLLIN, 0}, {interrupts_, POLLIN, 0}}};
    if (::poll(waits.data(), waits.size(), -1) < 0) {
      if (errno != EINTR) return true;  // read() will say what is wrong
      continue;
    }
    if (waits[0].revents != 0 && waits[1].revents == 0) return true;
  }
}

// The next byte of UTF-8; 1 once a character is whole, which may be U+FFFD for bytes that are none.
std::optional<int> LineEditor::take_byte(char byte, wchar_t* out) {
  constexpr wchar_t kReplacement = 0xFFFD;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the state is our own.
  const std::size_t used = std::mbrtowc(out, &byte, 1, &partial_);
  if (used == static_cast<std::size_t>(-2)) return std::nullopt;
  if (used == static_cast<std::size_t>(-1)) {
    partial_ = {};
    *out = kReplacement;
  }
  return 1;
}

// libedit's EL_GETCFN: 1 and a character, 0 at the end, -1 on Ctrl-C. libedit's own would go on
// reading after a signal.
int LineEditor::read_character(EditLine* editor, wchar_t* out) {
  LineEditor& that = self(editor);
  for (;;) {
    if (!that.wait_for_key()) {
      that.interrupted_ = true;
      errno = EINTR;
      return -1;
    }
    char byte = 0;
    const ssize_t got = ::read(STDIN_FILENO, &byte, 1);
    if (got == 0) return 0;
    if (got < 0) {
      if (errno == EINTR) continue;
      return 0;  // a terminal that is gone has nothing more to say
    }
    if (const std::optional<int> done = that.take_byte(byte, out)) return *done;
  }
}

Result<Line> LineEditor::next(const std::string& prompt) {
  prompt_ = prompt;
  interrupted_ = false;
  partial_ = {};
  el_resize(editor_);
  // libedit shows the prompt first: what is typed at that moment the terminal would still edit
  // itself, and lose a Ctrl-D.
  el_set(editor_, EL_PREP_TERM, 1);
  int count = 0;
  const char* text = el_gets(editor_, &count);
  if (interrupted_) {
    clear_interrupt();
    return Line{Line::Kind::kInterrupted, {}};
  }
  if (text == nullptr || count <= 0) return Line{Line::Kind::kEnd, {}};
  std::string line = text;
  if (!line.empty() && line.back() == '\n') line.pop_back();
  if (!line.empty()) {
    HistEvent ignored = {};
    history(history_, &ignored, H_ENTER, line.c_str());
  }
  return Line{Line::Kind::kText, std::move(line)};
}

}  // namespace

Result<std::unique_ptr<LineSource>> make_line_editor() {
  auto editor = std::make_unique<LineEditor>();
  Result<void> started = editor->start();
  if (!started) return std::move(started).error();
  return std::unique_ptr<LineSource>(std::move(editor));
}

}  // namespace bora
