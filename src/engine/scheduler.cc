#include "engine/scheduler.h"

#include "base/check.h"
#include "plan/kv_blocks.h"

#include <algorithm>
#include <iterator>

namespace bora {

Scheduler::Scheduler(const Limits& limits, const BlockManager::Shape& shape,
                     Speculation* speculation)
    : limits_(limits), blocks_(shape), speculation_(speculation) {
  CHECK(limits.step_tokens >= limits.max_sequences && limits.logits_rows >= limits.max_sequences,
        "a step has room for a token of each sequence");
  output_.sequences.reserve(limits.max_sequences);
}

void Scheduler::add(SequenceList&& arrivals) { waiting_.splice(waiting_.end(), arrivals); }

const SchedulerOutput& Scheduler::schedule() {
  output_.sequences.clear();
  output_.tokens = 0;
  output_.drafted = 0;
  output_.rows = 0;
  tokens_left_ = limits_.step_tokens;
  rows_left_ = limits_.logits_rows - limits_.max_sequences;
  end_interrupted(running_);
  end_interrupted(waiting_);
  schedule_decodes();
  schedule_prefills();
  admit();
  return output_;
}

void Scheduler::end_interrupted(SequenceList& list) {
  for (auto it = list.begin(); it != list.end();) {
    const auto sequence = it++;
    end_interrupted(sequence->forks);
    if (!sequence->is_interrupted()) continue;
    sequence->finish_reason = FinishReason::kInterrupted;
    finish(list, sequence);
  }
}

void Scheduler::schedule_decodes() {
  const bool drafts = may_draft();
  for (auto it = running_.begin(); it != running_.end(); ++it) {
    if (it->remaining() != 1) continue;
    if (drafts) draft(*it);
    if (!it->draft.empty() && place(it, 1 + it->draft.size())) continue;
    it->draft.clear();
    while (!place(it, 1)) {
      CHECK(running_.size() > 1, "a sequence fits when it is alone");
      const bool newest = std::next(it) == running_.end();
      preempt_newest();
      if (newest) return;
    }
  }
}

// Whether the step will decode and nothing else, and drafts may pay.
bool Scheduler::may_draft() {
  if (speculation_ == nullptr) return false;
  if (!waiting_.empty() && running_.size() < limits_.max_sequences) return false;
  for (const Sequence& sequence : running_) {
    // The last token of a prompt may be alone in its step, too.
    if (sequence.remaining() != 1 || sequence.num_new() == 0) return false;
  }
  return speculation_->begin_step(running_.size());
}

// No longer than leaves a token, a row and a block to everyone.
void Scheduler::draft(Sequence& sequence) {
  const std::size_t block_tokens = blocks_.shape().block_tokens;
  const std::size_t held = sequence.blocks.end * block_tokens;
  const std::size_t in_held = held - std::min(held, sequence.tokens.size());
  const std::size_t spare = blocks_.available() - std::min(blocks_.available(), running_.size());
  const std::size_t others = running_.size() - output_.sequences.size();
  const std::size_t most = std::min({
      limits_.chunk - 1,
      tokens_left_ - others,
      rows_left_,
      sequence.most_new - sequence.num_new() - 1,  // the last token follows the draft
      in_held + spare * block_tokens,
  });
  speculation_->draft(sequence, most);
}

void Scheduler::schedule_prefills() {
  for (auto it = running_.begin(); it != running_.end() && tokens_left_ > 0; ++it) {
    if (it->remaining() == 1) continue;
    while (!place(it, chunk_of(*it))) {
      if (!output_.sequences.empty()) return;
      CHECK(std::next(it) != running_.end(), "a sequence fits when it is alone");
      preempt_newest();
    }
  }
}

void Scheduler::admit() {
  // Whoever runs goes first: blocks are left for newcomers only where nobody lacks one.
  const auto stalled = [this] { return output_.sequences.size() < running_.size(); };
  while (!waiting_.empty() && running_.size() < limits_.max_sequences && tokens_left_ > 0 &&
         !stalled()) {
    const auto sequence = waiting_.begin();
    if (sequence->request.use_prefix_cache && sequence->on_logits == nullptr) {
      sequence->num_computed = blocks_.take_prefix(sequence->tokens, sequence->blocks);
    }
    const std::size_t cached = std::min(sequence->num_computed, sequence->prompt_tokens);
    if (!has_room_for(*sequence) || !place(sequence, chunk_of(*sequence))) {
      CHECK(!running_.empty(), "a sequence fits when it is alone");
      blocks_.release(sequence->blocks);
      sequence->num_computed = 0;
      return;
    }
    if (sequence->preemptions == 0) sequence->cached_tokens = cached;
    sequence->status = SequenceStatus::kRunning;
    running_.splice(running_.end(), waiting_, sequence);
  }
}

// Whether it could be computed to its present end and everyone go on for a block who may still need
// one: to let it in for less would soon cost somebody his blocks.
bool Scheduler::has_room_for(const Sequence& sequence) const {
  if (running_.empty()) return true;
  const BlockManager::Shape& shape = blocks_.shape();
  const auto blocks_for = [&](std::size_t positions) {
    return kv_blocks_needed(positions, shape.window, limits_.chunk, shape.block_tokens);
  };
  const auto held_by = [](const Sequence& each) { return each.blocks.end - each.blocks.begin; };
  const auto growing = std::ranges::count_if(running_, [&](const Sequence& each) {
    return held_by(each) < blocks_for(each.blocks.entries.size() * shape.block_tokens);
  });
  return blocks_for(sequence.tokens.size()) + static_cast<std::size_t>(growing) <=
         blocks_.available() + held_by(sequence);
}

std::size_t Scheduler::chunk_of(const Sequence& sequence) const {
  const std::size_t chunk = std::min({sequence.remaining(), limits_.chunk, tokens_left_});
  return sequence.on_logits == nullptr ? chunk : std::min(chunk, 1 + rows_left_);
}

bool Scheduler::place(SequenceList::iterator sequence, std::size_t count) {
  ScheduledSequence scheduled;
  scheduled.sequence = sequence;
  scheduled.begin = sequence->num_computed;
  scheduled.count = count;
  scheduled.drafted = sequence->draft.size();
  const std::size_t end = scheduled.begin + count;
  if (!blocks_.advance(sequence->blocks, scheduled.begin, end, scheduled.copy)) return false;
  if (sequence->on_logits != nullptr) {
    scheduled.rows = std::min(count, end - std::min(end, sequence->num_scored));
    rows_left_ -= count - 1;
  } else if (end == sequence->tokens.size() + scheduled.drafted && sequence->most_new > 0) {
    scheduled.rows = 1 + scheduled.drafted;
    rows_left_ -= scheduled.drafted;
  }
  scheduled.first_row = output_.rows;
  output_.rows += scheduled.rows;
  output_.tokens += count;
  output_.drafted += scheduled.drafted;
  tokens_left_ -= count;
  output_.sequences.push_back(scheduled);
  return true;
}

void Scheduler::preempt_newest() {
  const auto newest = std::prev(running_.end());
  blocks_.release(newest->blocks);
  newest->num_computed = 0;
  ++newest->preemptions;
  newest->status = SequenceStatus::kWaiting;
  waiting_.splice(waiting_.begin(), running_, newest);
}

void Scheduler::commit() {
  for (const ScheduledSequence& scheduled : output_.sequences) {
    Sequence& sequence = *scheduled.sequence;
    // Behind what was accepted of a draft lies what later steps write over.
    const std::size_t wrong = scheduled.drafted - sequence.draft.size();
    sequence.num_computed = scheduled.begin + scheduled.count - wrong;
    if (speculation_ != nullptr && scheduled.rows > 0 && sequence.on_logits == nullptr) {
      speculation_->settle(sequence, scheduled.drafted);
    }
    sequence.draft.clear();
    if (sequence.request.use_prefix_cache && sequence.on_logits == nullptr) {
      blocks_.record(sequence.tokens, sequence.num_computed, sequence.blocks);
    }
    if (sequence.num_computed == sequence.prompt_tokens && sequence.most_new == 0 &&
        sequence.on_logits == nullptr) {
      sequence.finish_reason = FinishReason::kLength;
    }
    if (sequence.num_computed == sequence.prompt_tokens) start_forks(scheduled.sequence);
    if (sequence.has_ended()) finish(running_, scheduled.sequence);
  }
}

void Scheduler::start_forks(SequenceList::iterator parent) {
  auto place_of_next = std::next(parent);
  for (auto it = parent->forks.begin(); it != parent->forks.end();) {
    const auto fork = it++;
    if (fork->most_new == 0) fork->finish_reason = FinishReason::kLength;
    if (fork->has_ended()) {
      finish(parent->forks, fork);
    } else if (running_.size() < limits_.max_sequences) {
      blocks_.fork(parent->blocks, fork->blocks);
      fork->num_computed = parent->num_computed;
      fork->cached_tokens = parent->num_computed;
      fork->status = SequenceStatus::kRunning;
      running_.splice(place_of_next, parent->forks, fork);
    }
  }
  waiting_.splice(waiting_.begin(), parent->forks);
}

// Ends a sequence of `list`. Where it had forks, the first of them takes its place.
void Scheduler::finish(SequenceList& list, SequenceList::iterator sequence) {
  blocks_.release(sequence->blocks);
  sequence->status = SequenceStatus::kFinished;
  if (!sequence->forks.empty()) {
    const auto heir = sequence->forks.begin();
    waiting_.splice(waiting_.begin(), sequence->forks, heir);
    heir->forks.splice(heir->forks.end(), sequence->forks);
  }
  finished_.splice(finished_.end(), list, sequence);
}

SequenceList Scheduler::take_finished() {
  SequenceList finished;
  finished.splice(finished.end(), finished_);
  return finished;
}

SequenceList Scheduler::take_all() {
  output_.sequences.clear();
  for (SequenceList* list : {&running_, &waiting_}) {
    while (!list->empty()) finish(*list, list->begin());
  }
  return take_finished();
}

}  // namespace bora
