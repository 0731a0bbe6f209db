// Speculation: which sequences of a step get a draft, how long, from whom, and what came of it. It
// puts together the proposer, the draft model, the costs measured on this machine and each
// sequence's ledger (docs/speculation.md). Allocates nothing after its constructor. Owner: the
// engine's thread.
#pragma once

#include "engine/draft_proposer.h"
#include "engine/sequence.h"
#include "engine/step_cost.h"

#include <cstddef>
#include <memory>

namespace bora {

class Speculation {
 public:
  // `proposer`: what costs next to nothing, asked first. `model`: asked where that has no idea or
  // does not pay; null: none.
  explicit Speculation(std::shared_ptr<DraftProposer> proposer,
                       std::shared_ptr<DraftProposer> model = nullptr);

  // The next step decodes `sequences` sequences and computes nothing else. False: too many of them
  // for drafts to pay, and none is to be asked for.
  [[nodiscard]] bool begin_step(std::size_t sequences);

  // Gives a decoding sequence of that step a draft of up to `most` tokens, or none.
  void draft(Sequence& sequence, std::size_t most);

  // That step took so long, with `drafted` tokens of drafts, which took their time before it.
  void record(std::size_t sequences, std::size_t drafted, double seconds);
  // A step that computed prompts, too, took so long.
  void record_prompts(double seconds);

  // The step had `drafted` tokens of the sequence; sequence.draft is what was accepted of them.
  void settle(Sequence& sequence, std::size_t drafted);

 private:
  // What that many drafted tokens add to the step, in tokens.
  [[nodiscard]] double cost_of(std::size_t drafted) const;
  // The time in which a step without drafts makes a token.
  [[nodiscard]] double seconds_of_token() const;
  void draft_as_it_pays(Sequence& sequence, std::size_t most);
  void draft_from_model_as_it_pays(Sequence& sequence, std::size_t most);
  void propose(DraftProposer& from, Sequence& sequence, std::size_t most);

  std::shared_ptr<DraftProposer> proposer_;
  std::shared_ptr<DraftProposer> model_;
  StepCost costs_;
  std::size_t sequences_ = 0;  // of the step
  std::size_t drafted_ = 0;    // in the step
  // For the draft model to catch up with texts it has not computed, in seconds and beside the
  // ledgers, because what it costs at once pays off over an answer, or over the next ones.
  double catch_up_balance_ = 0.0;
};

}  // namespace bora
