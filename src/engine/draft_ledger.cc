#include "engine/draft_ledger.h"

#include <algorithm>

namespace bora {

std::size_t DraftLedger::length(DraftSource source, std::size_t most,
                                FunctionRef<double(std::size_t)> cost) const {
  const double acceptance = acceptance_[static_cast<std::size_t>(source)];
  std::size_t best = 0;
  double best_profit = 0.0;
  double reached = 1.0;  // the probability that all tokens so far are accepted
  double accepted = 0.0;
  for (std::size_t k = 1; k <= most; ++k) {
    reached *= acceptance;
    accepted += reached;
    const double price = cost(k);
    if (price > balance_) break;
    if (accepted - price <= best_profit) continue;
    best = k;
    best_profit = accepted - price;
  }
  return best;
}

void DraftLedger::settle(DraftSource source, std::size_t drafted, std::size_t accepted,
                         double cost) {
  constexpr double kMostSaved = 4.0;  // past success pays for this much failure
  constexpr double kRate = 0.1;
  constexpr double kForgotten = 1.0 / 64;
  balance_ += kAllowance + static_cast<double>(accepted) - cost;
  balance_ = std::min(balance_, kMostSaved);
  if (drafted == 0) {
    for (double& rate : acceptance_) rate += (kUnknown - rate) * kForgotten;
    return;
  }
  double& rate = acceptance_[static_cast<std::size_t>(source)];
  for (std::size_t i = 0; i < accepted; ++i) rate += (1.0 - rate) * kRate;
  if (accepted < drafted) rate -= rate * kRate;
}

}  // namespace bora
