// TimeAverage: what something takes, measured again and again on a machine that does other things,
// too. What disturbs a measurement makes it longer, so that shorter ones are believed sooner. The
// first few longer ones are averaged, or what does not pay would be tried too often. A value.
#pragma once

#include <algorithm>

namespace bora {

struct TimeAverage {
  double value = 0.0;
  int count = 0;  // of measurements, as far as it matters; 0: none

  void add(double found) {
    constexpr double kShorter = 0.5;
    constexpr int kLonger = 8;  // measurements that count, about
    count = std::min(count + 1, kLonger);
    value += (found - value) * (found < value && count > 1 ? kShorter : 1.0 / count);
  }

  // What was measured long ago, or badly, is forgotten, or it would never be tried again.
  void forget(double assumed) {
    constexpr double kForgotten = 1.0 / 256;
    if (count > 0) value += (assumed - value) * kForgotten;
  }
};

}  // namespace bora
