// From MODEL to what is opened: a path as it is, a Hub id from the cache, or downloaded.
#pragma once

#include "cli/options.h"
#include "hub/choose.h"
#include <bora/llm.h>

#include <cstdint>
#include <filesystem>

namespace bora {

class ProgressLine;

// The folder or file to open. What lies in the cache is taken without asking the Hub. `to_run`: how
// it will be opened; what does not fit then, or cannot run, is refused before its weights are
// downloaded, and int8 and int4 weights are made as it comes. `progress` shows a download (null:
// one of its own). Errors: kNotFound, with what to do about it; of a download also kFailed,
// kBadModel, kDoesNotFit, kInterrupted.
Result<std::filesystem::path> find_model(const ModelLocation& location,
                                         ProgressLine* progress = nullptr,
                                         const LlmOptions* to_run = nullptr);

// What a plan is made from.
struct FoundOutline {
  std::filesystem::path model;  // the model where it is here, else its outline (hub/outline.h)
  bool remote = false;          // it is not here
  std::uint64_t fetched = 0;    // bytes of its files that came from the Hub, now
  std::uint64_t bytes = 0;      // of all its files, where it is remote
};

// Downloads headers alone. With patterns in `choice` the Hub is asked in any case: what is here may
// be other files.
Result<FoundOutline> find_outline(const ModelLocation& location, const ChoiceOptions& choice,
                                  ProgressLine& progress);

}  // namespace bora
