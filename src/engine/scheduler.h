// Scheduler: which tokens of which sequences the next step computes.
//
// Continuous batching (Orca, https://www.usenix.org/conference/osdi22/presentation/yu) with chunked
// prefill (https://arxiv.org/abs/2308.16369): every step takes one token of each sequence that is
// decoding, then chunks of prompts up to a budget of tokens. Where a step only decodes, and few
// sequences, a draft may follow their tokens, in what is left of the step's tokens, rows of logits
// and blocks: it takes nothing from anyone. Requests are served in the order they
// came. Where a decoding sequence lacks a block, the newest running one gives back its own and is
// computed again later; a prompt waits for decoding sequences to end before it takes blocks from
// others. The oldest sequence always goes on, so every request is answered in the end.
//
// A sequence's status changes in schedule() and commit() only. Nothing is allocated after the
// constructor: sequences move from list to list. Owner: the engine's thread.
#pragma once

#include "engine/block_manager.h"
#include "engine/sequence.h"
#include "engine/speculation.h"

#include <cstddef>
#include <vector>

namespace bora {

// Consecutive positions of one sequence that a step computes.
struct ScheduledSequence {
  SequenceList::iterator sequence;
  std::size_t begin = 0;
  std::size_t count = 0;
  std::size_t drafted = 0;    // the last of `count`, which follow the sequence's tokens
  std::size_t first_row = 0;  // of the step's logits
  std::size_t rows = 0;       // wanted: of the last `rows` positions
  BlockCopy copy;             // to be done before the step
};

struct SchedulerOutput {
  std::vector<ScheduledSequence> sequences;
  std::size_t tokens = 0;
  std::size_t drafted = 0;  // of tokens
  std::size_t rows = 0;
};

class Scheduler {
 public:
  struct Limits {
    std::size_t max_sequences = 1;  // running at a time
    std::size_t step_tokens = 1;    // at least max_sequences
    std::size_t chunk = 1;          // tokens of one sequence in a step
    std::size_t logits_rows = 1;    // of a step, at least max_sequences
  };
  // `speculation`: null for none; borrowed.
  Scheduler(const Limits& limits, const BlockManager::Shape& shape,
            Speculation* speculation = nullptr);

  // New sequences wait behind those there are. Each fits into the blocks when it is alone.
  void add(SequenceList&& arrivals);

  // The next step, valid until the next call. Sequences that are interrupted end here.
  const SchedulerOutput& schedule();

  // The step has been computed and its logits used: sequences hold their new tokens, ended ones say
  // so. Forks of a computed prompt start.
  void commit();

  // Those that ended since the last call; their blocks are free.
  SequenceList take_finished();

  // Everything ends: what was computed is given up.
  SequenceList take_all();

  [[nodiscard]] bool idle() const { return running_.empty() && waiting_.empty(); }
  [[nodiscard]] const SequenceList& running() const { return running_; }
  [[nodiscard]] const SequenceList& waiting() const { return waiting_; }
  [[nodiscard]] const BlockManager& blocks() const { return blocks_; }

 private:
  void end_interrupted(SequenceList& list);
  void schedule_decodes();
  [[nodiscard]] bool may_draft();
  void draft(Sequence& sequence);
  void schedule_prefills();
  void admit();
  [[nodiscard]] std::size_t chunk_of(const Sequence& sequence) const;
  [[nodiscard]] bool place(SequenceList::iterator sequence, std::size_t count);
  [[nodiscard]] bool has_room_for(const Sequence& sequence) const;
  void preempt_newest();
  void start_forks(SequenceList::iterator parent);
  void finish(SequenceList& list, SequenceList::iterator sequence);

  Limits limits_;
  BlockManager blocks_;
  Speculation* speculation_;
  // All in the order of arrival; whoever runs came before whoever waits.
  SequenceList waiting_;
  SequenceList running_;
  SequenceList finished_;
  SchedulerOutput output_;
  std::size_t tokens_left_ = 0;
  std::size_t rows_left_ = 0;  // beyond one for each running sequence
};

}  // namespace bora
