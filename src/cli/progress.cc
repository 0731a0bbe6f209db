#include "cli/progress.h"

#include "cli/environment.h"
#include "cli/output.h"

#include <fmt/format.h>

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

ProgressLine::ProgressLine(bool quiet) {
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

void ProgressLine::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

std::string ProgressLine::describe(double seconds) {
  if (llm_ == nullptr) return fmt::format("opening the model, {:.0f} s", seconds);
  return describe_progress(llm_->load_progress(), seconds);
}

void ProgressLine::run() {
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  std::unique_lock lock(mutex_);
  std::chrono::milliseconds pause = kSilence;
  bool shown = false;
  while (!wake_.wait_for(lock, pause, [this] { return stopping_; })) {
    pause = terminal ? kOnTerminal : kElsewhere;
    const std::string line = describe(seconds_since_start());
    if (line.empty() && !shown) continue;
    print_note(terminal ? "\r\x1b[K" + line : line.empty() ? line : line + "\n");
    shown = !line.empty();
  }
  if (shown && terminal) print_note("\r\x1b[K");
}

}  // namespace bora
