// From MODEL to what is opened: a path as it is, a Hub id from the cache, or downloaded.
#pragma once

#include "cli/options.h"

#include <filesystem>

namespace bora {

class ProgressLine;

// The folder or file to open. What lies in the cache is taken without asking the Hub. `progress`
// shows a download (null: one of its own). Errors: kNotFound, with what to do about it; of a
// download also kFailed, kBadModel, kDoesNotFit, kInterrupted.
Result<std::filesystem::path> find_model(const ModelLocation& location,
                                         ProgressLine* progress = nullptr);

}  // namespace bora
