#include "cli/download_view.h"

#include "base/printable.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace bora {
namespace {

constexpr double kWindow = 10.0;  // seconds that the speed is taken over

double share(std::uint64_t done, std::uint64_t all) {
  return all == 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(all);
}

// "5.5 of 14.5 GB", in the unit of the larger.
std::string amount(std::uint64_t done, std::uint64_t all) {
  const bool large = all >= 1'000'000'000;
  const bool small = all < 1'000'000;
  const double unit = large ? 1e-9 : (small ? 1e-3 : 1e-6);
  return fmt::format("{:.{}f} of {:.{}f} {}", static_cast<double>(done) * unit, large ? 1 : 0,
                     static_cast<double>(all) * unit, large ? 1 : 0,
                     large ? "GB" : (small ? "kB" : "MB"));
}

std::string bar(double part, std::size_t cells) {
  const auto full =
      static_cast<std::size_t>(std::clamp(part, 0.0, 1.0) * static_cast<double>(cells));
  return "[" + std::string(full, '#') + std::string(cells - full, '-') + "]";
}

// `width` columns of a name, its end where it is longer: that is what tells parts apart.
std::string fitted(const std::string& name, std::size_t width) {
  std::string text = printable(name, 400);
  if (text.size() > width) text = ".." + text.substr(text.size() - width + 2);
  return fmt::format("{:<{}}", text, width);
}

}  // namespace

std::string duration_text(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::clamp(std::ceil(seconds), 0.0, 1e9));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

void DownloadView::update(const DownloadProgress& progress, double seconds) {
  progress_ = progress;
  samples_.push_back({seconds, progress.fetched});
  while (samples_.size() > 2 && samples_.front().seconds < seconds - kWindow) samples_.pop_front();
}

double DownloadView::rate() const {
  if (samples_.size() < 2) return 0.0;
  const double seconds = samples_.back().seconds - samples_.front().seconds;
  if (seconds < 0.5 || samples_.back().fetched < samples_.front().fetched) return 0.0;
  return static_cast<double>(samples_.back().fetched - samples_.front().fetched) / seconds;
}

bool DownloadView::done() const {
  return !progress_.files.empty() &&
         std::ranges::all_of(progress_.files,
                             [](const FileProgress& file) { return file.finished; });
}

std::string DownloadView::line() const {
  if (progress_.waiting) {
    return "waiting for another bora that downloads the same model";
  }
  if (progress_.files.empty()) return "asking the Hub";
  std::string text = fmt::format("downloading {:.0f} %, {}",
                                 std::floor(100.0 * share(progress_.done, progress_.bytes)),
                                 amount(progress_.done, progress_.bytes));
  const double speed = rate();
  if (speed <= 0.0) return text;
  text += fmt::format(", {:.{}f} MB/s", speed * 1e-6, speed < 10e6 ? 1 : 0);
  if (progress_.done == progress_.bytes) return text + ", checking";
  return text +
         fmt::format(", {} left",
                     duration_text(static_cast<double>(progress_.bytes - progress_.done) / speed));
}

std::vector<std::string> DownloadView::bars(std::size_t width, std::size_t height) const {
  constexpr std::size_t kNameWidth = 32;
  constexpr std::size_t kCells = 20;
  std::vector<std::string> lines;
  for (const FileProgress& file : progress_.files) {
    const bool moving = !file.finished && (file.done > 0 || file.waiting);
    if (!moving || lines.size() + 1 >= height) continue;
    const double part = share(file.done, file.bytes);
    std::string text =
        fmt::format("{} {} {:>3.0f} %  {}", fitted(file.name, kNameWidth), bar(part, kCells),
                    std::floor(100.0 * part), amount(file.done, file.bytes));
    if (file.waiting) text = fitted(file.name, kNameWidth) + " waiting for another process";
    lines.push_back(std::move(text));
  }
  lines.push_back(line());
  for (std::string& text : lines) text.resize(std::min(text.size(), width));
  return lines;
}

}  // namespace bora
