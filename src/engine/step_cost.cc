#include "engine/step_cost.h"

#include "base/check.h"

#include <algorithm>

namespace bora {
namespace {

// Before anything is measured: what a drafted token adds to a step.
constexpr double kAssumed = 0.1;

// The same where a longer draft was measured and no shorter one: many tokens may be more than a
// kernel does at once, and fewer are then not to be ruled out before they were tried.
constexpr double kMostAssumed = 0.2;

}  // namespace

void StepCost::record(std::size_t sequences, std::size_t drafted, double seconds) {
  CHECK(sequences >= 1 && sequences <= kMostSequences && drafted <= kMostDrafted,
        "a step that may have drafts");
  Row& row = rows_[sequences - 1];
  if (drafted == 0) {
    row.plain_seconds.add(seconds);
    row.steps_since_plain = 0;
    for (std::size_t i = 1; i <= kMostDrafted; ++i) {
      row.relative[i].forget(1.0 + kAssumed * static_cast<double>(i));
    }
    return;
  }
  ++row.steps_since_plain;
  if (row.plain_seconds.count == 0) return;
  double found = std::max(1.0, seconds / row.plain_seconds.value);
  if (row.relative[drafted].count == 0) {
    // One disturbed measurement must not rule it out.
    found = std::min(found, 1.0 + 3.0 * (estimate(row, drafted) - 1.0) + kAssumed);
  }
  row.relative[drafted].add(found);
}

bool StepCost::is_measured(std::size_t sequences) const {
  CHECK(sequences >= 1 && sequences <= kMostSequences, "a step that may have drafts");
  constexpr std::size_t kOld = 64;  // the context grows, and the machine has other things to do
  const Row& row = rows_[sequences - 1];
  return row.plain_seconds.count > 0 && row.steps_since_plain < kOld;
}

double StepCost::plain_seconds(std::size_t sequences) const {
  CHECK(sequences >= 1 && sequences <= kMostSequences, "a step that may have drafts");
  return rows_[sequences - 1].plain_seconds.value;
}

double StepCost::relative(std::size_t sequences, std::size_t drafted) const {
  CHECK(sequences >= 1 && sequences <= kMostSequences && drafted <= kMostDrafted,
        "a step that may have drafts");
  return estimate(rows_[sequences - 1], drafted);
}

double StepCost::estimate(const Row& row, std::size_t drafted) {
  const auto known = [&](std::size_t k) { return k == 0 || row.relative[k].count > 0; };
  const auto value = [&](std::size_t k) { return k == 0 ? 1.0 : row.relative[k].value; };
  std::size_t below = drafted;
  while (!known(below)) --below;
  if (below == drafted) return value(drafted);
  std::size_t above = drafted + 1;
  while (above <= kMostDrafted && !known(above)) ++above;
  double slope = kAssumed;
  if (above <= kMostDrafted) {
    slope = (value(above) - value(below)) / static_cast<double>(above - below);
    if (below == 0) slope = std::min(slope, kMostAssumed);
  } else if (below > 0) {
    slope = (value(below) - 1.0) / static_cast<double>(below);
  }
  return value(below) + slope * static_cast<double>(drafted - below);
}

}  // namespace bora
