// Request and its answer: token ids in, token ids out. Plain values; no text here.
#pragma once

#include "base/ids.h"
#include "engine/sampler.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace bora {

struct Request {
  std::vector<TokenId> prompt;
  SamplingParams sampling;
  std::size_t max_new_tokens = 128;  // fewer where the context ends first
  std::vector<TokenId> stop_ids;     // any of them ends the answer and is not part of it
  bool ignore_eos = false;           // stop_ids are ordinary tokens
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

// One new token, as soon as it is drawn. Borrowed for the length of the callback.
struct TokenEvent {
  TokenId id = 0;
  std::size_t index = 0;                       // among the new tokens
  std::span<const TokenLogprob> top_logprobs;  // [SamplingParams::logprobs], best first
  float logprob = 0.0F;                        // of `id`; only with logprobs > 0
};

struct Timings {
  double prefill_s = 0.0;  // from the start of the request to the first new token
  double decode_s = 0.0;   // all new tokens after the first
};

struct Generation {
  std::vector<TokenId> ids;  // the new tokens only, without the one of stop_ids that ended them
  FinishReason finish_reason = FinishReason::kStop;
  Timings timings;
};

}  // namespace bora
