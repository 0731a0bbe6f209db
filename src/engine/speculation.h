// Speculation: which sequences of a step get a draft, how long, and what came of it. It puts
// together the proposer, the costs measured on this machine and each sequence's ledger
// (docs/speculation.md). Allocates nothing after its constructor. Owner: the engine's thread.
#pragma once

#include "engine/draft_proposer.h"
#include "engine/sequence.h"
#include "engine/step_cost.h"

#include <cstddef>
#include <memory>

namespace bora {

class Speculation {
 public:
  explicit Speculation(std::shared_ptr<DraftProposer> proposer);

  // The next step decodes `sequences` sequences and computes nothing else. False: too many of them
  // for drafts to pay, and none is to be asked for.
  [[nodiscard]] bool begin_step(std::size_t sequences);

  // Gives a decoding sequence of that step a draft of up to `most` tokens, or none.
  void draft(Sequence& sequence, std::size_t most);

  // That step took so long, with `drafted` tokens of drafts.
  void record(std::size_t sequences, std::size_t drafted, double seconds);

  // The step had `drafted` tokens of the sequence; sequence.draft is what was accepted of them.
  void settle(Sequence& sequence, std::size_t drafted) const;

 private:
  // What that many drafted tokens add to the step, in tokens.
  [[nodiscard]] double cost_of(std::size_t drafted) const;

  std::shared_ptr<DraftProposer> proposer_;
  StepCost costs_;
  std::size_t sequences_ = 0;  // of the step
  std::size_t drafted_ = 0;    // in the step
};

}  // namespace bora
