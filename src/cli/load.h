// From a command's flags to an open model.
#pragma once

#include "cli/options.h"
#include <bora/llm.h>

namespace bora {

// What the flags say, as Llm::open() takes it.
Result<LlmOptions> llm_options(const EngineFlags& flags);

SamplingParams sampling_params(const SamplingFlags& flags);

}  // namespace bora
