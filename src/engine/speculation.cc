#include "engine/speculation.h"

#include "base/check.h"

#include <algorithm>
#include <utility>

namespace bora {
namespace {

// What the draft model may take to catch up with texts: at first, in tokens; of all time; of the
// time of prompts, which are most of what it has to read; and of what its drafts have gained.
constexpr double kFirstCatchUp = 4.0;
constexpr double kCatchUpAllowance = 0.01;
constexpr double kCatchUpOfPrompts = 0.05;
constexpr double kCatchUpOfGain = 0.5;

}  // namespace

Speculation::Speculation(std::shared_ptr<DraftProposer> proposer,
                         std::shared_ptr<DraftProposer> model)
    : proposer_(std::move(proposer)), model_(std::move(model)) {}

bool Speculation::begin_step(std::size_t sequences) {
  sequences_ = sequences;
  drafted_ = 0;
  return sequences >= 1 && sequences <= StepCost::kMostSequences;
}

// A step makes a token of each sequence, so that one token is worth its share of the step.
double Speculation::cost_of(std::size_t drafted) const {
  return (costs_.relative(sequences_, drafted) - 1.0) * static_cast<double>(sequences_);
}

double Speculation::seconds_of_token() const {
  return costs_.plain_seconds(sequences_) / static_cast<double>(sequences_);
}

void Speculation::draft(Sequence& sequence, std::size_t most) {
  most = std::min({most, sequence.draft.capacity(), StepCost::kMostDrafted - drafted_});
  sequence.draft_cost = 0.0;
  switch (sequence.request.speculate) {
    case Speculate::kOff:
      return;
    case Speculate::kAuto:
      if (costs_.is_measured(sequences_)) draft_as_it_pays(sequence, most);
      return;
    case Speculate::kAlways:
      sequence.draft_source = DraftSource::kProposer;
      propose(*proposer_, sequence, most);
      return;
    case Speculate::kAlwaysModel:
      sequence.draft_source = DraftSource::kModel;
      if (model_ != nullptr) propose(*model_, sequence, most);
      return;
  }
}

void Speculation::draft_as_it_pays(Sequence& sequence, std::size_t most) {
  const auto cost = [this](std::size_t k) { return cost_of(drafted_ + k) - cost_of(drafted_); };
  sequence.draft_source = DraftSource::kProposer;
  propose(*proposer_, sequence, sequence.ledger.length(DraftSource::kProposer, most, cost));
  if (sequence.draft.empty() && model_ != nullptr) draft_from_model_as_it_pays(sequence, most);
}

void Speculation::draft_from_model_as_it_pays(Sequence& sequence, std::size_t most) {
  const double token_seconds = seconds_of_token();
  const DraftTime before = model_->time(sequence.tokens, costs_.plain_seconds(sequences_));
  if (before.catch_up > catch_up_balance_ + kFirstCatchUp * token_seconds) return;
  const double each = before.token / token_seconds;
  const auto cost = [&](std::size_t k) {
    return cost_of(drafted_ + k) - cost_of(drafted_) + each * static_cast<double>(k);
  };
  most = sequence.ledger.length(DraftSource::kModel, most, cost);
  if (most == 0) return;
  sequence.draft_source = DraftSource::kModel;
  propose(*model_, sequence, most);
  sequence.draft_cost = each * static_cast<double>(sequence.draft.size());
  const DraftTime after = model_->time(sequence.tokens, costs_.plain_seconds(sequences_));
  catch_up_balance_ -= std::max(0.0, before.catch_up - after.catch_up);
}

void Speculation::propose(DraftProposer& from, Sequence& sequence, std::size_t most) {
  if (most == 0) return;
  from.propose(sequence.tokens, most, sequence.draft);
  CHECK(sequence.draft.size() <= most, "a draft has the length asked for at most");
  drafted_ += sequence.draft.size();
}

void Speculation::record(std::size_t sequences, std::size_t drafted, double seconds) {
  catch_up_balance_ += kCatchUpAllowance * seconds;
  if (sequences > StepCost::kMostSequences) return;
  costs_.record(sequences, drafted, seconds);
}

void Speculation::record_prompts(double seconds) {
  catch_up_balance_ += kCatchUpOfPrompts * seconds;
}

void Speculation::settle(Sequence& sequence, std::size_t drafted) {
  const std::size_t accepted = sequence.draft.size();
  double cost = 0.0;
  if (drafted > 0) {
    cost = cost_of(drafted_) * static_cast<double>(drafted) / static_cast<double>(drafted_);
    cost += sequence.draft_cost;
  }
  sequence.ledger.settle(sequence.draft_source, drafted, accepted, cost);
  sequence.drafted_tokens += drafted;
  sequence.accepted_tokens += accepted;
  if (drafted == 0 || sequence.draft_source != DraftSource::kModel) return;
  sequence.model_drafted_tokens += drafted;
  sequence.model_accepted_tokens += accepted;
  const double gain = static_cast<double>(accepted) - cost;
  catch_up_balance_ += kCatchUpOfGain * gain * seconds_of_token();
}

}  // namespace bora
