// StepCost: what drafted tokens add to the time of a decode step, measured as the engine runs.
//
// A step reads all weights whatever the number of its tokens, so a few more cost little, until
// arithmetic takes longer than reading: where that is depends on the machine, the weight type and
// the kernels, so it is measured and not assumed. Times only ever decide how much is drafted, never
// which tokens come out. Owner: the engine's thread.
#pragma once

#include "engine/time_average.h"
#include "plan/draft_plan.h"

#include <array>
#include <cstddef>

namespace bora {

class StepCost {
 public:
  static constexpr std::size_t kMostSequences = kMostDraftedSequences;
  static constexpr std::size_t kMostDrafted = kMostDraftedTokens;  // of all sequences of a step

  // A step of a token of each of `sequences` [1, kMostSequences] and of `drafted`
  // [0, kMostDrafted] more took so long.
  void record(std::size_t sequences, std::size_t drafted, double seconds);

  // Whether a step without a draft was measured, and not long ago: relative() is a guess otherwise.
  [[nodiscard]] bool is_measured(std::size_t sequences) const;

  // Of a step without a draft, once one was measured.
  [[nodiscard]] double plain_seconds(std::size_t sequences) const;

  // The time of such a step over that of one without a draft: measured, or what the measured ones
  // around it suggest.
  [[nodiscard]] double relative(std::size_t sequences, std::size_t drafted) const;

 private:
  struct Row {
    std::size_t steps_since_plain = 0;
    TimeAverage plain_seconds;                           // without a draft
    std::array<TimeAverage, kMostDrafted + 1> relative;  // to that; [0] is not used
  };
  static double estimate(const Row& row, std::size_t drafted);

  std::array<Row, kMostSequences> rows_;  // by sequences - 1
};

}  // namespace bora
