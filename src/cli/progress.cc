#include "cli/progress.h"

#include "base/printable.h"
#include "cli/environment.h"
#include "cli/output.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <sys/ioctl.h>
#include <system_error>
#include <unistd.h>

namespace bora {
namespace {

constexpr std::chrono::milliseconds kSilence{1000};
constexpr std::chrono::milliseconds kOnTerminal{200};
constexpr std::chrono::milliseconds kElsewhere{5000};

struct Window {
  std::size_t columns = 80;
  std::size_t rows = 24;
};

// What fits on one screen: a line that wraps, or scrolls away, cannot be rewritten.
Window terminal_window() {
  winsize size{};
  Window window;
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 && size.ws_row > 4) {
    window = {size.ws_col, size.ws_row};
  }
  return {window.columns - 1, std::min<std::size_t>(window.rows - 1, 10)};
}

}  // namespace

std::string describe_progress(const LoadProgress& progress, double seconds) {
  if (progress.finished || progress.total_bytes == 0) return {};
  const auto done = static_cast<double>(progress.done_bytes);
  const auto total = static_cast<double>(progress.total_bytes);
  return fmt::format("reading weights {:.0f} %, {:.1f} of {:.1f} GB, {:.0f} s",
                     100.0 * done / total, done * 1e-9, total * 1e-9, seconds);
}

std::string describe_progress(const QuantizeProgress& progress, double seconds) {
  if (progress.stage == QuantizeProgress::Stage::kWaiting) {
    return fmt::format("waiting for another bora that quantizes the same weights, {:.0f} s",
                       seconds);
  }
  const bool checking = progress.stage == QuantizeProgress::Stage::kChecking;
  const bool copying = progress.stage == QuantizeProgress::Stage::kCopying;
  const auto done = static_cast<double>(progress.bytes_done);
  const auto total = static_cast<double>(progress.bytes);
  const double share = progress.bytes == 0 ? 1.0 : done / total;
  std::string line = fmt::format(
      "{} weights {:.0f} %, ",
      checking ? "checking the cached" : (copying ? "copying" : "quantizing"), 100.0 * share);
  if (!copying) {
    line += fmt::format("tensor {} of {}, ", std::min(progress.tensors_done + 1, progress.tensors),
                        progress.tensors);
  }
  line += fmt::format("{:.1f} of {:.1f} GB, {:.0f} s", done * 1e-9, total * 1e-9, seconds);
  // The rate of the first moments says little.
  if (share > 0.02) line += fmt::format(", {:.0f} s left", seconds * (1.0 - share) / share);
  return line;
}

ProgressLine::ProgressLine(bool quiet) : terminal_(::isatty(STDERR_FILENO) == 1) {
  if (quiet) return;
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error&) {
    // No thread to spare: no progress either.
  }
}

ProgressLine::~ProgressLine() { stop(); }

void ProgressLine::watch(const Llm& llm) {
  const std::lock_guard lock(mutex_);
  llm_ = &llm;
}

void ProgressLine::show(const QuantizeProgress& step) {
  const std::lock_guard lock(mutex_);
  if (!step_ || step_->stage != step.stage) stage_began_ = seconds_since_start();
  step_ = step;
}

void ProgressLine::show(const DownloadProgress& step) {
  const std::lock_guard lock(mutex_);
  if (!download_) download_.emplace();
  download_->update(step, seconds_since_start());
}

void ProgressLine::downloaded() {
  const std::lock_guard lock(mutex_);
  if (shown_ > 0) put({});
  download_.reset();
}

void ProgressLine::note(std::string_view line) {
  const std::lock_guard lock(mutex_);
  if (shown_ > 0) put({});
  constexpr std::size_t kMaxLine = 2000;
  print_note(fmt::format("bora: {}\n", printable(line, kMaxLine)));
}

void ProgressLine::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

std::vector<std::string> ProgressLine::describe(double seconds) {
  if (download_ && !(step_ && download_->done())) {
    if (!terminal_) return {download_->line()};
    const Window window = terminal_window();
    return download_->bars(window.columns, window.rows);
  }
  std::string line = fmt::format("opening the model, {:.0f} s", seconds);
  if (llm_ != nullptr) {
    line = describe_progress(llm_->load_progress(), seconds);
  } else if (step_) {
    line = describe_progress(*step_, seconds - stage_began_);
  }
  if (line.empty()) return {};
  return {line};
}

void ProgressLine::put(const std::vector<std::string>& lines) {
  if (!terminal_) {
    for (const std::string& line : lines) print_note(line + "\n");
    return;
  }
  // To the first of the lines that are there, then all below goes.
  std::string text = "\r";
  if (shown_ > 1) text += fmt::format("\x1b[{}A", shown_ - 1);
  text += shown_ > 1 || lines.size() > 1 ? "\x1b[J" : "\x1b[K";
  print_note(text + fmt::format("{}", fmt::join(lines, "\n")));
  shown_ = lines.size();
}

void ProgressLine::run() {
  std::unique_lock lock(mutex_);
  std::chrono::milliseconds pause = kSilence;
  while (!wake_.wait_for(lock, pause, [this] { return stopping_; })) {
    pause = terminal_ ? kOnTerminal : kElsewhere;
    const std::vector<std::string> lines = describe(seconds_since_start());
    if (!lines.empty() || shown_ > 0) put(lines);
  }
  if (shown_ > 0) put({});
}

}  // namespace bora
