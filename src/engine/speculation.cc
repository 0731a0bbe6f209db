#include "engine/speculation.h"

#include "base/check.h"

#include <algorithm>
#include <utility>

namespace bora {

Speculation::Speculation(std::shared_ptr<DraftProposer> proposer)
    : proposer_(std::move(proposer)) {}

bool Speculation::begin_step(std::size_t sequences) {
  sequences_ = sequences;
  drafted_ = 0;
  return sequences >= 1 && sequences <= StepCost::kMostSequences;
}

// A step makes a token of each sequence, so that one token is worth its share of the step.
double Speculation::cost_of(std::size_t drafted) const {
  return (costs_.relative(sequences_, drafted) - 1.0) * static_cast<double>(sequences_);
}

void Speculation::draft(Sequence& sequence, std::size_t most) {
  most = std::min({most, sequence.draft.capacity(), StepCost::kMostDrafted - drafted_});
  switch (sequence.request.speculate) {
    case Speculate::kOff:
      return;
    case Speculate::kAuto: {
      const auto cost = [this](std::size_t k) { return cost_of(drafted_ + k) - cost_of(drafted_); };
      most = costs_.is_measured(sequences_) ? sequence.ledger.length(most, cost) : 0;
      break;
    }
    case Speculate::kAlways:
      break;
  }
  if (most == 0) return;
  proposer_->propose(sequence.tokens, most, sequence.draft);
  CHECK(sequence.draft.size() <= most, "a draft has the length asked for at most");
  drafted_ += sequence.draft.size();
}

void Speculation::record(std::size_t sequences, std::size_t drafted, double seconds) {
  if (sequences > StepCost::kMostSequences) return;
  costs_.record(sequences, drafted, seconds);
}

void Speculation::settle(Sequence& sequence, std::size_t drafted) const {
  const std::size_t accepted = sequence.draft.size();
  double cost = 0.0;
  if (drafted > 0) {
    cost = cost_of(drafted_) * static_cast<double>(drafted) / static_cast<double>(drafted_);
  }
  sequence.ledger.settle(drafted, accepted, cost);
  sequence.drafted_tokens += drafted;
  sequence.accepted_tokens += accepted;
}

}  // namespace bora
