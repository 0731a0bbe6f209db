// quantize_checkpoint: a checkpoint whose large weights are int8 or int4, made at load and kept.
//
// The first time, the weights are quantized and written to a file in the cache folder; from then on
// that file is mapped, by any number of processes at once. Two processes never make the same file:
// the second waits for the first. A file that is damaged, of another version or made from another
// state of the model is made again, with a note. Where the folder may not be written the weights
// are made in memory, at each start, with a note.
//
// Knows no model: recipe.h says which tensors are written. Memory beyond the maps does not grow
// with the model. Owner: the loading thread.
#pragma once

#include "base/result.h"
#include "formats/checkpoint.h"
#include "quantize/progress.h"
#include "tensor/dtype.h"

#include <atomic>
#include <filesystem>
#include <functional>
#include <string_view>

namespace bora {

struct QuantizeOptions {
  DType weights = DType::kQ8_0;  // q8_0: int8; q4_0: int4
  std::filesystem::path cache;   // the folder of cached weights; empty: make them in memory
  int threads = 0;               // 0: default_threads()
  std::function<void(const QuantizeProgress&)> on_progress;  // on the calling thread; may be empty
  std::function<void(std::string_view)> on_note;             // a line for the user; may be empty
  const std::atomic<bool>* interrupted = nullptr;
  // The source has no data for the weights that would be quantized: a file beside it
  // (place_beside()) has what was made of them, or nothing has.
  bool discarded = false;
};

// The same checkpoint with its large weights quantized: their views lie in the cached file. Where
// nothing is to be done, the source itself. Errors: kUsage (a type without a codec, a thread
// count), kBadModel (a weight that is not finite or too large, by tensor and place), kFailed (the
// disk: by path and bytes needed), kDoesNotFit (in memory), kInterrupted; nothing half-written
// stays. With `discarded` also kNotFound and kBadModel for the file beside it.
Result<Checkpoint> quantize_checkpoint(Checkpoint source, const QuantizeOptions& options);

}  // namespace bora
