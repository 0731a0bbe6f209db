// Inbox: how sequences get to the engine's thread, and how it is told to stop.
//
// Any thread may post and stop; the engine's thread takes. Nodes of a list change hands, so that
// taking allocates nothing.
#pragma once

#include "engine/sequence.h"

#include <condition_variable>
#include <mutex>

namespace bora {

class Inbox {
 public:
  void post(SequenceList& sequences) {
    {
      const std::lock_guard lock(mutex_);
      arrivals_.splice(arrivals_.end(), sequences);
    }
    changed_.notify_one();
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_one();
  }

  // What has come since the last call; with `wait`, sleeps until something has. False: stopped.
  [[nodiscard]] bool take(SequenceList& arrivals, bool wait) {
    std::unique_lock lock(mutex_);
    if (wait) changed_.wait(lock, [this] { return stopped_ || !arrivals_.empty(); });
    arrivals.splice(arrivals.end(), arrivals_);
    return !stopped_;
  }

 private:
  std::mutex mutex_;  // guards arrivals_ and stopped_
  std::condition_variable changed_;
  SequenceList arrivals_;
  bool stopped_ = false;
};

}  // namespace bora
