// Progress on stderr while a model is downloaded, opened, its weights are quantized or come from
// disk: silent for the first second, then lines that are rewritten on a terminal (one; of a
// download also one for each file on its way), or a line every few seconds elsewhere.
//
// A thread of its own looks at what has been done; stop() ends it and clears the line, and so does
// the destructor. Owner: the thread that made it.
#pragma once

#include "cli/download_view.h"
#include <bora/llm.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace bora {

class ProgressLine {
 public:
  // `quiet`: does nothing at all.
  explicit ProgressLine(bool quiet);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ProgressLine(ProgressLine&&) = delete;
  ProgressLine& operator=(ProgressLine&&) = delete;

  // From now on the model is open and its weights are being read. It must outlive stop().
  void watch(const Llm& llm);
  // Weights are being quantized, and this is how far.
  void show(const QuantizeProgress& step);
  // A model is being downloaded, and this is how far; until downloaded().
  void show(const DownloadProgress& step);
  void downloaded();
  // A line of its own, also where the progress is quiet.
  void note(std::string_view line);
  void stop();

 private:
  void run();
  [[nodiscard]] std::vector<std::string> describe(double seconds);
  // Replaces the lines on a terminal; adds them elsewhere. Call with mutex_ held.
  void put(const std::vector<std::string>& lines);

  bool terminal_;     // stderr is one
  std::mutex mutex_;  // guards what follows, but thread_
  std::condition_variable wake_;
  bool stopping_ = false;
  std::size_t shown_ = 0;  // lines that a terminal still shows
  const Llm* llm_ = nullptr;
  std::optional<DownloadView> download_;
  std::optional<QuantizeProgress> step_;
  double stage_began_ = 0.0;  // of step_, in seconds since the start
  std::thread thread_;
};

// What the line says: "reading weights 42 %, 6.1 of 14.5 GB, 10 s"; empty where nothing is left.
std::string describe_progress(const LoadProgress& progress, double seconds);

// "quantizing weights 42 %, tensor 90 of 211, 6.1 of 14.5 GB, 10 s, 14 s left"; `seconds`: of this
// stage.
std::string describe_progress(const QuantizeProgress& progress, double seconds);

}  // namespace bora
