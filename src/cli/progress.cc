#include "cli/progress.h"

#include "base/printable.h"
#include "cli/environment.h"
#include "cli/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <system_error>
#include <unistd.h>

namespace bora {
namespace {

constexpr std::chrono::milliseconds kSilence{1000};
constexpr std::chrono::milliseconds kOnTerminal{200};
constexpr std::chrono::milliseconds kElsewhere{5000};

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
  const auto done = static_cast<double>(progress.bytes_done);
  const auto total = static_cast<double>(progress.bytes);
  const double share = progress.bytes == 0 ? 1.0 : done / total;
  std::string line =
      fmt::format("{} weights {:.0f} %, tensor {} of {}, {:.1f} of {:.1f} GB, {:.0f} s",
                  checking ? "checking the cached" : "quantizing", 100.0 * share,
                  std::min(progress.tensors_done + 1, progress.tensors), progress.tensors,
                  done * 1e-9, total * 1e-9, seconds);
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

void ProgressLine::note(std::string_view line) {
  const std::lock_guard lock(mutex_);
  if (shown_) put("");
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

std::string ProgressLine::describe(double seconds) {
  if (llm_ != nullptr) return describe_progress(llm_->load_progress(), seconds);
  if (step_) return describe_progress(*step_, seconds - stage_began_);
  return fmt::format("opening the model, {:.0f} s", seconds);
}

void ProgressLine::put(const std::string& line) {
  if (terminal_) {
    print_note("\r\x1b[K" + line);
    shown_ = !line.empty();
  } else if (!line.empty()) {
    print_note(line + "\n");
  }
}

void ProgressLine::run() {
  std::unique_lock lock(mutex_);
  std::chrono::milliseconds pause = kSilence;
  while (!wake_.wait_for(lock, pause, [this] { return stopping_; })) {
    pause = terminal_ ? kOnTerminal : kElsewhere;
    const std::string line = describe(seconds_since_start());
    if (!line.empty() || shown_) put(line);
  }
  if (shown_) put("");
}

}  // namespace bora
