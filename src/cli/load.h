// From a command's flags to an open model.
#pragma once

#include "base/function_ref.h"
#include "cli/options.h"
#include "cli/progress.h"
#include <bora/llm.h>

namespace bora {

// What the flags say, as Llm::open() takes it.
Result<LlmOptions> llm_options(const EngineFlags& flags);

// Finds the model and opens it; quantized weights are kept in the cache folder. `progress` shows
// how far that is; Ctrl-C ends it.
Result<Llm> open_model(const ModelLocation& location, LlmOptions options, ProgressLine& progress);

// What is not given is as in SamplingParams{}.
SamplingParams sampling_params(const SamplingFlags& flags);

Speculate speculate_of(const SpeculateFlags& flags);

// Gives the path of the model of a location, to be run with these options.
using FindModel =
    FunctionRef<Result<std::filesystem::path>(const ModelLocation&, const LlmOptions&)>;

// Finds the draft model, if the flags name one, and tells the options of it. `location`: the
// model's.
Result<void> add_draft_model(const SpeculateFlags& flags, const ModelLocation& location,
                             LlmOptions& options, FindModel find);

// What a command needs a model for.
struct Use {
  std::size_t max_sequences = 1;  // computed at a time
  std::size_t new_tokens = 0;     // LlmOptions::expected_tokens
};

// The same as the flags say, with the template of that file, if it names one. The file is read
// first, so that a wrong name costs no load.
Result<Llm> open_llm(const ModelLocation& location, const EngineFlags& flags,
                     const SpeculateFlags& speculate, const std::string& template_file,
                     ProgressLine& progress, Use use);

}  // namespace bora
