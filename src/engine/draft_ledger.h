// DraftLedger: how much of one sequence may be drafted so that it pays, and never costs much.
//
// It keeps an account in tokens, that is in the time in which a step without drafts makes one.
// Every accepted token is earned, what the drafts added to the time of a step is spent, and each
// step brings a small allowance. Nothing is drafted that could overdraw the account, so whatever
// the text, a sequence loses kStart tokens and kAllowance of its time at most, given that the costs
// are right; and of what is left the most profitable length is chosen, by the rate at which tokens
// drafted by the same source have been accepted lately.
//
// A value; it holds no draft. Owner: the engine's thread.
#pragma once

#include "base/function_ref.h"

#include <array>
#include <cstddef>

namespace bora {

enum class DraftSource { kProposer, kModel };

class DraftLedger {
 public:
  static constexpr double kStart = 0.4;        // tokens
  static constexpr double kAllowance = 0.015;  // tokens a step

  // Tokens to draft, 0 to `most`. cost(k): what k drafted tokens add to a step, in tokens, what it
  // takes to draft them included.
  [[nodiscard]] std::size_t length(DraftSource source, std::size_t most,
                                   FunctionRef<double(std::size_t)> cost) const;

  // A step had `drafted` tokens that cost so much, and the first `accepted` of them were right.
  void settle(DraftSource source, std::size_t drafted, std::size_t accepted, double cost);

 private:
  static constexpr double kUnknown = 0.5;

  double balance_ = kStart;
  // Of a drafted token behind accepted ones, by source.
  std::array<double, 2> acceptance_ = {kUnknown, kUnknown};
};

}  // namespace bora
