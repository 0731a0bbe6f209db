// TensorStream: reads tensors from a checkpoint's map, quantizes them on all threads and writes the
// blocks, a panel of about 4 million values at a time, so that memory does not grow with the model.
//
// The source is read forward and given back as it has been read. Owner: one thread.
#pragma once

#include "base/function_ref.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "formats/checkpoint.h"
#include "kernels/cpu/cpu_kernels.h"
#include "quantize/output_file.h"
#include "quantize/progress.h"
#include "quantize/recipe.h"
#include "tensor/buffer.h"

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

namespace bora {

class TensorStream {
 public:
  using OnProgress = FunctionRef<void(const QuantizeProgress&)>;

  // All outlive the stream; `interrupted` may be null.
  TensorStream(const Checkpoint& source, ThreadPool& pool, OnProgress on_progress,
               const std::atomic<bool>* interrupted)
      : source_(source), pool_(pool), on_progress_(on_progress), interrupted_(interrupted) {}

  // Writes tensors of a recipe to their offsets. Gives the checksum of each. `content`: the file
  // that has their data, all of it, where that of the source has none yet (null: the source's own).
  // Errors: kBadModel naming the tensor and the place of a value that is not finite or that no
  // scale reaches; kInterrupted; those of the output.
  Result<std::vector<std::uint64_t>> write(std::span<const StoredTensor> tensors, OutputFile& out,
                                           const MappedFile* content = nullptr);

 private:
  Result<std::uint64_t> write_tensor(const StoredTensor& tensor, const MappedFile* content,
                                     OutputFile& out);

  const Checkpoint& source_;
  ThreadPool& pool_;
  OnProgress on_progress_;
  const std::atomic<bool>* interrupted_;
  const kernels::CpuKernels* kernels_ = nullptr;  // for the time of write()
  Buffer panel_;
  QuantizeProgress progress_;
};

}  // namespace bora
