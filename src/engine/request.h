// Request and its answer: token ids in, token ids out. Plain values; no text here.
#pragma once

#include "base/ids.h"
#include "engine/sampler.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace bora {

// Whether a step may compute several tokens of an answer, drafted from its own text or by a smaller
// model and kept where the sampler draws the same (docs/speculation.md). The tokens are the same
// either way.
enum class Speculate {
  kOff,
  kAuto,  // as far as it pays
  // As long a draft as there may be, whatever it costs: for tests and measurements.
  kAlways,       // of the proposer's (EngineOptions::proposer)
  kAlwaysModel,  // of the draft model's, where there is one
};

struct Request {
  std::vector<TokenId> prompt;
  SamplingParams sampling;
  std::size_t max_new_tokens = 128;  // fewer where the context ends first
  std::vector<TokenId> stop_ids;     // any of them ends the answer and is not part of it
  bool ignore_eos = false;           // stop_ids are ordinary tokens
  // Begin with what earlier requests have left of this prompt in the cache, and leave it to later
  // ones. The tokens are the same either way; a measurement of prefill wants it off.
  bool use_prefix_cache = true;
  Speculate speculate = Speculate::kAuto;
};

enum class FinishReason { kStop, kLength, kInterrupted };

constexpr std::string_view name(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kInterrupted:
      return "interrupted";
  }
  return "";
}

// One new token, as soon as it is drawn. Borrowed from its TokenStream.
struct TokenEvent {
  TokenId id = 0;
  std::size_t index = 0;                       // among the new tokens
  std::span<const TokenLogprob> top_logprobs;  // [SamplingParams::logprobs], best first
  float logprob = 0.0F;                        // of `id`; only with logprobs > 0
  std::chrono::steady_clock::time_point time;  // when it was drawn
};

struct Timings {
  double prefill_s = 0.0;  // from the start of the request to the first new token
  double decode_s = 0.0;   // all new tokens after the first
};

struct Generation {
  std::vector<TokenId> ids;  // the new tokens only, without the one of stop_ids that ended them
  FinishReason finish_reason = FinishReason::kStop;
  Timings timings;
  std::size_t cached_tokens = 0;    // of the prompt, that the cache held already
  std::size_t preemptions = 0;      // times it gave up its cache to others and was computed again
  std::size_t drafted_tokens = 0;   // computed as a guess
  std::size_t accepted_tokens = 0;  // of them, that were right: as many steps were saved
  std::size_t model_drafted_tokens = 0;   // of drafted_tokens, those that a draft model guessed
  std::size_t model_accepted_tokens = 0;  // of these, that were right
};

}  // namespace bora
