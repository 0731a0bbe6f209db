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
  bool offline = false;
  std::string token;  // for the Hub; empty: the environment's
  bool discard_original = false;
};

void add_location_flags(FlagTable& flags, ModelLocation& location);

void add_discard_flag(FlagTable& flags, ModelLocation& location);

// New tokens of `run` where its flags do not say.
inline constexpr std::size_t kUsualNewTokens = 300;

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

// The same but --weights, in the group that is there.
void add_machine_flags(FlagTable& flags, EngineFlags& options);

// The words of --weights and --compute, for flags that take the same.
std::span<const Choice> weight_choices();
std::span<const Choice> compute_choices();

// nullopt: not given; what then holds is the command's to say.
struct SamplingFlags {
  std::optional<double> temperature;
  std::optional<int> top_k;
  std::optional<double> top_p;
  std::optional<double> min_p;
  std::optional<double> repetition_penalty;
  double presence_penalty = 0.0;
  double frequency_penalty = 0.0;
  std::optional<std::uint64_t> seed;
  int logprobs = 0;
};

// What --help says of the defaults.
struct SamplingDefaults {
  std::string_view title = "Sampling (default: the likeliest token each time)";
  std::string_view seed = "same seed, same tokens (default 0)";
};

void add_sampling_flags(FlagTable& flags, SamplingFlags& options,
                        const SamplingDefaults& defaults = {});

// Whether tokens are guessed, and by whom.
struct SpeculateFlags {
  std::string speculate = "auto";      // off, auto, lookup or model
  std::string draft_model;             // as MODEL; empty: none
  std::string draft_weights = "auto";  // of it, as EngineFlags::weights
};

void add_speculate_flags(FlagTable& flags, SpeculateFlags& options);

// The last two alone.
void add_draft_model_flags(FlagTable& flags, SpeculateFlags& options);

// Errors: kUsage, flags that contradict each other.
Result<void> check(const SpeculateFlags& options);

struct ReportFlags {
  bool json = false;
  bool quiet = false;
};

void add_report_flags(FlagTable& flags, ReportFlags& options);

}  // namespace bora
