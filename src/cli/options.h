// Options that several commands share, with the rows of their flag tables.
#pragma once

#include "base/result.h"
#include "cli/flags.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace bora {

// Where a model is found.
struct ModelLocation {
  std::string model;  // the MODEL argument; empty: the default model
  std::string cache_dir;
  bool offline = false;  // accepted: nothing is downloaded in this version
};

void add_location_flags(FlagTable& flags, ModelLocation& location);

// The folder or file to open. Errors: kNotFound, with what to do about it.
Result<std::filesystem::path> resolve_model(const ModelLocation& location);

// How a model is run.
struct EngineFlags {
  std::string weights = "auto";
  std::string compute = "auto";
  std::string kv = "auto";
  std::string load = "auto";
  std::string device = "auto";
  std::optional<std::string> isa;
  int threads = 0;
  std::size_t context = 0;
  std::size_t prefill_chunk = 512;
  std::optional<std::size_t> memory_limit;
};

void add_engine_flags(FlagTable& flags, EngineFlags& options);

// The words of --weights and --compute, for flags that take the same.
std::span<const Choice> weight_choices();
std::span<const Choice> compute_choices();

struct SamplingFlags {
  double temperature = 0.0;
  int top_k = 0;
  double top_p = 1.0;
  double min_p = 0.0;
  double repetition_penalty = 1.0;
  double presence_penalty = 0.0;
  double frequency_penalty = 0.0;
  std::uint64_t seed = 0;
  int logprobs = 0;
};

void add_sampling_flags(FlagTable& flags, SamplingFlags& options);

struct ReportFlags {
  bool json = false;
  bool quiet = false;
};

void add_report_flags(FlagTable& flags, ReportFlags& options);

}  // namespace bora
