// ArrivingModel: a model of the Hub whose weights are quantized as its files come, on a thread of
// its own, so that they are ready when the last file is (quantize/arriving_weights.h).
//
// With `discard_original` a file goes as soon as its weights are in: what stays is the outline
// (hub/outline.h) with the small tensors filled in and the quantized weights beside it, to be
// opened with QuantizeOptions::discarded. Configuration and tokenizer are copied to it.
//
//   fetch_files() with it as PullOptions::taker, then publish().
//
// A process that dies leaves what the next one goes on from. Owner: the thread of fetch_files().
#pragma once

#include "base/result.h"
#include "hub/file_taker.h"
#include "hub/outline.h"
#include "hub/snapshot.h"
#include "quantize/arriving_weights.h"

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

namespace bora {

struct ArrivingModelOptions {
  DType weights = DType::kQ8_0;    // q8_0: int8; q4_0: int4
  std::filesystem::path hub;       // the Hub's cache
  std::filesystem::path outlines;  // the folder of outlines
  std::filesystem::path cache;     // of quantized weights
  bool discard_original = false;
  int threads = 0;                                           // 0: default_threads()
  std::function<void(const QuantizeProgress&)> on_progress;  // on any thread; may be empty
  const std::atomic<bool>* interrupted = nullptr;
};

class ArrivingModel : public FileTaker {
 public:
  // nullptr: there is nothing to quantize. `outline` is that of the selection. Errors: as
  // ArrivingWeights::open().
  static Result<std::unique_ptr<ArrivingModel>> open(const Outline& outline,
                                                     const Selection& selection,
                                                     ArrivingModelOptions options);
  ~ArrivingModel() override;
  ArrivingModel(const ArrivingModel&) = delete;
  ArrivingModel& operator=(const ArrivingModel&) = delete;

  [[nodiscard]] bool wants(const RemoteFile& file) const override;
  [[nodiscard]] bool keeps_files() const override { return !options_.discard_original; }
  [[nodiscard]] bool has(const RemoteFile& file) const override;
  void take(const RemoteFile& file, const std::filesystem::path& content) override;
  [[nodiscard]] bool failed() const override { return failed_; }
  Result<void> finish() override;

  // Gives the quantized weights their place; what there is to open. Errors also: kFailed.
  Result<std::filesystem::path> publish(const Pulled& pulled);

 private:
  struct Taken {
    RemoteFile file;
    std::size_t index = 0;  // of the checkpoint's files
    std::filesystem::path content;
  };

  ArrivingModel(const Outline& outline, const Selection& selection, ArrivingModelOptions options,
                std::unique_ptr<ArrivingWeights> weights);
  [[nodiscard]] std::optional<std::size_t> index_of(const RemoteFile& file) const;
  void join();
  void work();
  Result<void> add(const Taken& taken);
  [[nodiscard]] Result<void> keep_small_tensors(const Taken& taken,
                                                const MappedFile& content) const;
  [[nodiscard]] Result<void> drop(const RemoteFile& file) const;
  [[nodiscard]] Result<void> copy_small_files(const Pulled& pulled) const;

  const Outline& outline_;
  const Selection& selection_;
  ArrivingModelOptions options_;
  std::unique_ptr<ArrivingWeights> weights_;  // the thread's, from the first take() to finish()
  std::vector<bool> had_;                     // files whose weights were in when it was opened
  std::thread thread_;
  std::atomic<bool> failed_{false};
  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::deque<Taken> queue_;
  bool ended_ = false;
  std::optional<Error> error_;
};

}  // namespace bora
