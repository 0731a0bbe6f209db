// What a user sees of a download: a bar for each file that is on its way and one in all, or one
// plain line. Keeps the speed of the last seconds. Owner: one thread at a time.
#pragma once

#include "hub/download.h"

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

namespace bora {

class DownloadView {
 public:
  // What has come by then, in seconds of any clock.
  void update(const DownloadProgress& progress, double seconds);

  // At most `height` lines of at most `width` columns; the last is the one in all.
  [[nodiscard]] std::vector<std::string> bars(std::size_t width, std::size_t height) const;
  // Whether all has come, and is verified.
  [[nodiscard]] bool done() const;
  // "downloading 38 %, 5.5 of 14.5 GB, 102 MB/s, 1 min 28 s left".
  [[nodiscard]] std::string line() const;

 private:
  struct Sample {
    double seconds = 0.0;
    std::uint64_t fetched = 0;
  };
  // Bytes a second; 0 where it is not known yet.
  [[nodiscard]] double rate() const;

  DownloadProgress progress_;
  std::deque<Sample> samples_;
};

// "45 s", "1 min 28 s", "2 h 5 min".
std::string duration_text(double seconds);

}  // namespace bora
