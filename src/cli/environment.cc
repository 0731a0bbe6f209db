#include "cli/environment.h"

#include "base/log.h"
#include "base/mapped_file.h"
#include "base/printable.h"
#include "cli/output.h"
#include "cli/parse.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <initializer_list>
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

// The first of these that is set.
std::string first_of(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (std::string value = variable(name); !value.empty()) return value;
  }
  return {};
}

std::string trimmed(const std::string& text) {
  constexpr const char* kBlank = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

// As huggingface_hub reads a switch.
bool is_true(std::string value) {
  for (char& c : value) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
}

// HF_HOME or what stands for it; empty where nothing does.
std::filesystem::path hub_home() {
  if (const std::string home = variable("HF_HOME"); !home.empty()) return home;
  if (const std::string cache = variable("XDG_CACHE_HOME"); !cache.empty()) {
    return std::filesystem::path(cache) / "huggingface";
  }
  if (const std::string home = variable("HOME"); !home.empty()) {
    return std::filesystem::path(home) / ".cache" / "huggingface";
  }
  return {};
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

std::filesystem::path quantized_folder(const std::filesystem::path& cache) {
  return cache / "quantized";
}

std::filesystem::path outline_folder(const std::filesystem::path& cache) {
  return cache / "outlines";
}

std::filesystem::path default_model(const std::filesystem::path& cache) {
  return cache / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf";
}

std::filesystem::path hub_cache_folder() {
  if (const std::string cache = variable("HF_HUB_CACHE"); !cache.empty()) return cache;
  const std::filesystem::path home = hub_home();
  return home.empty() ? home : home / "hub";
}

HubEnvironment hub_environment() {
  HubEnvironment found;
  found.endpoint = variable("HF_ENDPOINT");
  if (const std::string path = variable("HF_TOKEN_PATH"); !path.empty()) {
    found.token_file = path;
  } else if (const std::filesystem::path home = hub_home(); !home.empty()) {
    found.token_file = home / "token";
  }
  found.token = trimmed(variable("HF_TOKEN"));
  if (!found.token.empty()) {
    found.token_from = "HF_TOKEN";
  } else {
    constexpr std::size_t kLimit = 4096;
    const Result<std::string> text = read_text_file(found.token_file, kLimit);
    if (text) found.token = trimmed(*text);
    if (!found.token.empty()) found.token_from = found.token_file.string();
  }
  found.offline = is_true(variable("HF_HUB_OFFLINE"));
  const std::string all = first_of({"all_proxy", "ALL_PROXY"});
  found.http_proxy = variable("http_proxy");
  // Of a program that a web server runs (CGI), a request's header "Proxy" would be in capitals.
  if (found.http_proxy.empty() && variable("REQUEST_METHOD").empty()) {
    found.http_proxy = variable("HTTP_PROXY");
  }
  found.https_proxy = first_of({"https_proxy", "HTTPS_PROXY"});
  if (found.http_proxy.empty()) found.http_proxy = all;
  if (found.https_proxy.empty()) found.https_proxy = all;
  found.no_proxy = first_of({"no_proxy", "NO_PROXY"});
  found.ca_path =
      first_of({"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"});
  const Result<std::int64_t> seconds = parse_whole(variable("HF_HUB_DOWNLOAD_TIMEOUT"), {1, 3600});
  if (seconds) found.stall_seconds = static_cast<long>(*seconds);
  return found;
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
