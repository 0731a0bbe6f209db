// What the program takes from its environment: variables, the cache's place, the time it started.
// No other room reads any of it.
#pragma once

#include "base/result.h"

#include <filesystem>
#include <string>

namespace bora {

// BORA_LOG=debug|info|warn: log lines of that level and above go to stderr; unset: none.
void install_log_sink();

// --cache-dir, else BORA_CACHE, else XDG_CACHE_HOME/bora, else HOME/.cache/bora. Errors: kFailed
// where none of them is set.
Result<std::filesystem::path> cache_folder(const std::string& cache_dir);

// Where the default model lies in that folder.
std::filesystem::path default_model(const std::filesystem::path& cache);

// Where quantized weights lie in that folder, and outlines of models of the Hub (hub/outline.h).
std::filesystem::path quantized_folder(const std::filesystem::path& cache);
std::filesystem::path outline_folder(const std::filesystem::path& cache);

// Where Hugging Face's tools keep what they have downloaded: HF_HUB_CACHE, else HF_HOME/hub, else
// huggingface/hub in XDG_CACHE_HOME or ~/.cache. Empty where none of these is set.
std::filesystem::path hub_cache_folder();

// What the environment says of the Hub, in the names that Hugging Face's tools know: HF_ENDPOINT,
// HF_TOKEN, HF_TOKEN_PATH (else HF_HOME/token), HF_HUB_OFFLINE, HF_HUB_DOWNLOAD_TIMEOUT; proxies
// and certificates as curl and Python's requests take them.
struct HubEnvironment {
  std::string endpoint;    // empty: the Hub itself
  std::string token;       // empty: none
  std::string token_from;  // where it was found: HF_TOKEN or a file; empty: nowhere
  std::filesystem::path token_file;
  bool offline = false;
  std::string http_proxy;
  std::string https_proxy;
  std::string no_proxy;
  std::string ca_path;  // a file or a folder
  long stall_seconds = 10;
};

HubEnvironment hub_environment();

// "~/x" as a shell reads it; everything else as it is, also where HOME is not set.
std::filesystem::path expand_home(const std::string& path);

// Seconds since this program's first code ran (the dynamic loader's milliseconds are not in it).
double seconds_since_start();

}  // namespace bora
