// ArrivingWeights: the quantized weights of a model whose files come one after another, made of
// each file as it is there, before the last is.
//
// Begins with an outline: a checkpoint that has all headers and no data yet. The weights go to
// FOLDER/.int8-HASH.arriving, at the full size; a journal beside it has a line for each file of the
// model that is in it, written when the data is on the disk:
//
//   bora-arriving 1 HASH CHECK          of what the outline's headers say
//   file INDEX CHECKSUM.. CHECK         of each of its tensors, in the order of the recipe
//
// CHECK is the checksum of the line before it. A process that comes later goes on from there, and
// checks the data before it believes the journal. publish() gives the weights their place in the
// cache, once all files are in. Only one process at a time: it holds a lock. Memory does not grow
// with the model. Owner: one thread at a time.
//
// Errors: as quantize_checkpoint().
#pragma once

#include "base/file_lock.h"
#include "base/function_ref.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "formats/checkpoint.h"
#include "quantize/cache_file.h"
#include "quantize/output_file.h"
#include "quantize/progress.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bora {

struct ArrivingOptions {
  DType weights = DType::kQ8_0;  // q8_0: int8; q4_0: int4
  std::filesystem::path folder;  // where the unfinished file lies
  int threads = 0;               // 0: default_threads()
  const std::atomic<bool>* interrupted = nullptr;
};

class ArrivingWeights {
 public:
  using OnProgress = FunctionRef<void(const QuantizeProgress&)>;

  // Takes up what an earlier process left; on_wait is called while another is at it. Precondition:
  // make_recipe() of the outline has a tensor.
  static Result<std::unique_ptr<ArrivingWeights>> open(Checkpoint outline,
                                                       const ArrivingOptions& options,
                                                       FunctionRef<void()> on_wait);

  [[nodiscard]] const Checkpoint& outline() const { return outline_; }
  // Whether the weights of that file of the checkpoint are in.
  [[nodiscard]] bool has(std::size_t file) const { return sums_[file].has_value(); }
  // The tensors of that file that stay as they are stored, in the order of their data.
  [[nodiscard]] std::vector<StoredTensor> kept_tensors(std::size_t file) const;

  // Quantizes what lies in `content`, which is that file of the checkpoint with all its data. Also
  // kBadModel where it begins otherwise than the outline says.
  Result<void> add(std::size_t file, const MappedFile& content, OnProgress on_progress);

  // To its place as the cached weights of that checkpoint, whose files are those that were added;
  // called once, last. `with_times` as cache_contents() has it.
  Result<void> publish(const Checkpoint& source, const CachePlace& place, bool with_times);

 private:
  ArrivingWeights(Checkpoint outline, const ArrivingOptions& options, CacheContents contents);
  Result<void> take_up(FunctionRef<void()> on_wait);
  void read_journal();
  [[nodiscard]] bool holds(std::size_t file, const std::vector<std::uint64_t>& sums,
                           const MappedFile& written) const;
  Result<void> write_journal(const std::string& line, bool anew) const;
  [[nodiscard]] std::string head_line() const;

  Checkpoint outline_;
  ArrivingOptions options_;
  CacheContents contents_;
  std::vector<std::vector<std::size_t>> by_file_;  // which tensors of the recipe lie in a file
  std::filesystem::path written_;
  std::filesystem::path journal_;
  std::unique_ptr<ThreadPool> pool_;
  std::optional<FileLock> lock_;
  std::optional<OutputFile> out_;
  std::vector<std::optional<std::vector<std::uint64_t>>> sums_;  // of each file that is in
};

}  // namespace bora
