// Progress on stderr while a model is opened and its weights come from disk: silent for the first
// second, then one line that is rewritten on a terminal, or a line every few seconds elsewhere.
//
// A thread of its own looks at what has been done; stop() ends it and clears the line, and so does
// the destructor. Owner: the thread that made it.
#pragma once

#include <bora/llm.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

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
  void stop();

 private:
  void run();
  [[nodiscard]] std::string describe(double seconds);

  std::mutex mutex_;  // guards stopping_ and llm_
  std::condition_variable wake_;
  bool stopping_ = false;
  const Llm* llm_ = nullptr;
  std::thread thread_;
};

// What the line says: "reading weights 42 %, 6.1 of 14.5 GB, 10 s"; empty where nothing is left.
std::string describe_progress(const LoadProgress& progress, double seconds);

}  // namespace bora
