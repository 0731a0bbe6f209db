// Sequence: one request on its way through the engine: its tokens, how many of them are computed,
// and the blocks that hold them.
//
// Made by the submitting thread, which allocates all that it will ever need; from then on the
// engine's thread owns it. Its status and its blocks change in Scheduler only.
#pragma once

#include "base/function_ref.h"
#include "base/result.h"
#include "engine/block_manager.h"
#include "engine/draft_ledger.h"
#include "engine/request.h"
#include "engine/sampler.h"
#include "engine/token_channel.h"
#include "tensor/tensor_view.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace bora {

enum class SequenceStatus {
  kWaiting,   // holds no blocks: new, or preempted
  kRunning,   // takes part in steps
  kFinished,  // has given back its blocks
};

// Gets the logits of first_position and the positions after it; false: it has enough.
using OnLogits = FunctionRef<bool(std::size_t first_position, TensorView logits)>;

struct Sequence {
  // An answer to a request that the engine has checked. `most_new`: tokens of it, at most.
  Sequence(Request request, std::size_t most_new, std::size_t vocab_size, std::size_t block_tokens,
           const std::atomic<bool>* interrupt_flag);
  // The logits of all positions of `ids`, for `on_logits`, which outlives the sequence.
  Sequence(std::span<const TokenId> ids, const OnLogits& on_logits, std::size_t block_tokens,
           const std::atomic<bool>* interrupt_flag);

  // Tokens whose keys and values are not stored.
  [[nodiscard]] std::size_t remaining() const { return tokens.size() - num_computed; }
  [[nodiscard]] std::size_t num_new() const { return tokens.size() - prompt_tokens; }
  // Tokens, and behind them the draft.
  [[nodiscard]] TokenId token_at(std::size_t position) const {
    return position < tokens.size() ? tokens[position] : draft[position - tokens.size()];
  }
  [[nodiscard]] bool is_interrupted() const;
  [[nodiscard]] bool has_ended() const { return finish_reason || error; }

  // Takes the next token from the logits after the last one.
  void draw(std::span<const float> logits);
  // The same from the logits [1 + draft.size(), vocab_size] after the last token and each of the
  // draft, as long as the draft holds what is drawn: exactly the tokens of as many draws one by
  // one. What was wrong is cut from the draft.
  void draw_along_draft(TensorView logits);
  // Hands on logits [rows, vocab_size] of first_position and on.
  void hand_out(std::size_t first_position, TensorView logits);
  // Tells the reader that this is all. It has given back its blocks.
  void report_end();

  const Request request;  // without its prompt
  const std::size_t prompt_tokens;
  const std::size_t most_new;
  const std::atomic<bool>* const interrupt_flag;  // null: none
  const OnLogits* const on_logits;                // null: an answer is wanted
  const std::shared_ptr<TokenChannel> channel;

  SequenceStatus status = SequenceStatus::kWaiting;
  std::vector<TokenId> tokens;   // prompt and answer
  std::size_t num_computed = 0;  // of tokens, whose keys and values are stored
  std::size_t num_scored = 0;    // positions handed to on_logits
  std::vector<TokenId> draft;    // guessed to follow tokens; empty between steps
  DraftSource draft_source = DraftSource::kProposer;
  double draft_cost = 0.0;  // of making it, in tokens
  DraftLedger ledger;
  BlockTable blocks;
  std::optional<Sampler> sampler;
  std::vector<TokenLogprob> top_logprobs;
  // Sequences with the same prompt, which become copies of this one when it is computed.
  std::list<Sequence> forks;

  std::optional<FinishReason> finish_reason;
  std::optional<Error> error;
  std::size_t cached_tokens = 0;
  std::size_t preemptions = 0;
  std::size_t drafted_tokens = 0;
  std::size_t accepted_tokens = 0;
  std::size_t model_drafted_tokens = 0;  // of them, the draft model's
  std::size_t model_accepted_tokens = 0;
};

using SequenceList = std::list<Sequence>;

}  // namespace bora
