#include "cli/environment.h"

#include "base/log.h"
#include "base/printable.h"
#include "cli/output.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <string_view>

namespace bora {
namespace {

using Clock = std::chrono::steady_clock;

// A static initialiser, so that it runs before main().
const Clock::time_point kProcessStart = Clock::now();

constexpr std::array<std::string_view, 3> kLogLevels = {"debug", "info", "warn"};
LogLevel log_threshold = LogLevel::kWarn;  // written before other threads start

void write_log_line(LogLevel level, std::string_view line) {
  if (level < log_threshold) return;
  print_note(fmt::format("[{:9.3f}] {:<5} {}\n", seconds_since_start(),
                         kLogLevels[static_cast<std::size_t>(level)], line));
}

// An empty variable counts as unset.
std::string variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing calls setenv
  return value == nullptr ? std::string() : std::string(value);
}

}  // namespace

void install_log_sink() {
  const std::string wanted = variable("BORA_LOG");
  if (wanted.empty()) return;
  for (std::size_t i = 0; i < kLogLevels.size(); ++i) {
    if (wanted != kLogLevels[i]) continue;
    log_threshold = static_cast<LogLevel>(i);
    set_log_sink(write_log_line);
    return;
  }
  print_note(
      fmt::format("bora: BORA_LOG: expected debug, info or warn, found {}\n", quoted(wanted, 40)));
}

Result<std::filesystem::path> cache_folder(const std::string& cache_dir) {
  if (!cache_dir.empty()) return std::filesystem::path(cache_dir);
  if (const std::string cache = variable("BORA_CACHE"); !cache.empty()) {
    return std::filesystem::path(cache);
  }
  if (const std::string cache = variable("XDG_CACHE_HOME"); !cache.empty()) {
    return std::filesystem::path(cache) / "bora";
  }
  if (const std::string home = variable("HOME"); !home.empty()) {
    return std::filesystem::path(home) / ".cache" / "bora";
  }
  return Error{ErrorCode::kFailed,
               "cache folder: expected HOME or BORA_CACHE to be set, found neither",
               {"give it with --cache-dir"}};
}

std::filesystem::path default_model(const std::filesystem::path& cache) {
  return cache / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf";
}

std::filesystem::path hub_cache_folder() {
  if (const std::string cache = variable("HF_HUB_CACHE"); !cache.empty()) return cache;
  if (const std::string home = variable("HF_HOME"); !home.empty()) {
    return std::filesystem::path(home) / "hub";
  }
  if (const std::string cache = variable("XDG_CACHE_HOME"); !cache.empty()) {
    return std::filesystem::path(cache) / "huggingface" / "hub";
  }
  if (const std::string home = variable("HOME"); !home.empty()) {
    return std::filesystem::path(home) / ".cache" / "huggingface" / "hub";
  }
  return {};
}

std::filesystem::path expand_home(const std::string& path) {
  const std::string home = variable("HOME");
  if (home.empty() || !path.starts_with("~/")) return path;
  return std::filesystem::path(home) / path.substr(2);
}

double seconds_since_start() {
  return std::chrono::duration<double>(Clock::now() - kProcessStart).count();
}

}  // namespace bora
