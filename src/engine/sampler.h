// Sampler: from a row of logits to the next token.
//
// The order is fixed:
//   1. repetition, presence and frequency penalties on the logits,
//   2. temperature (0: take the largest logit, the lowest id where several are equal, and stop
//   here),
//   3. top-k, 4. top-p on what top-k left (renormalised), 5. min-p on what top-p left,
//   6. a draw from what is left, in proportion to its probability.
// top-k and top-p order candidates by logit, descending, then by id, and the draw walks them in
// that order; without either it walks in order of id. So a seed gives the same tokens wherever the
// logits are the same.
//
// The random number of a draw depends on (seed, position) only: Philox4x32-10
// (Salmon et al. 2011, https://doi.org/10.1145/2063384.2063405), so a resumed or batched sequence
// draws what it would have drawn alone.
//
// Allocates in its constructor only. Owner: one thread, one sequence.
#pragma once

#include "base/ids.h"
#include "base/result.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace bora {

struct SamplingParams {
  float temperature = 0.0F;  // [0, 100]; 0: greedy
  std::int32_t top_k = 0;    // keep this many; 0: all
  float top_p = 1.0F;        // (0, 1]: keep the fewest that together reach it; 1: all
  float min_p = 0.0F;        // [0, 1]: keep those at least this likely relative to the likeliest
  float repetition_penalty =
      1.0F;  // (0, 100], prompt and new tokens; https://arxiv.org/abs/1909.05858
  float presence_penalty = 0.0F;   // [-100, 100], new tokens: subtracted once
  float frequency_penalty = 0.0F;  // [-100, 100], new tokens: subtracted per occurrence
  std::uint64_t seed = 0;
  std::int32_t logprobs = 0;  // [0, 100]: report this many of the likeliest tokens
};

// Errors: kUsage naming the parameter by its flag ("--top-p: expected ..., found ...").
Result<void> validate(const SamplingParams& params);

struct TokenLogprob {
  TokenId id = 0;
  float logprob = 0.0F;  // natural logarithm of the probability before penalties and temperature
};

class Sampler {
 public:
  // Precondition: validate(params) holds, prompt ids are in [0, vocab_size).
  Sampler(const SamplingParams& params, std::size_t vocab_size, std::span<const TokenId> prompt);

  // The token that follows `position` tokens. logits: [vocab_size], left as they are; -infinity
  // excludes a token. Errors: kFailed where a logit is NaN or +infinity, or all are -infinity.
  Result<TokenId> sample(std::span<const float> logits, std::size_t position);

  // The last sampled token has become part of the sequence: penalties count it.
  void accept(TokenId id);

 private:
  struct Candidate {
    TokenId id;
    float logit;
    float weight;  // exp((logit - largest) / temperature): 1 for the likeliest
  };

  [[nodiscard]] bool has_penalties() const;
  std::span<const float> penalized(std::span<const float> logits);
  void gather(std::span<const float> logits, float largest);
  void keep_top_p();
  void keep_min_p();
  [[nodiscard]] TokenId draw(std::size_t position) const;

  SamplingParams params_;
  std::vector<Candidate> candidates_;
  std::vector<float> adjusted_;            // logits after penalties
  std::vector<std::uint32_t> new_counts_;  // per id, among new tokens; only with penalties
  std::vector<std::uint8_t> seen_;         // per id, in the prompt or new; only with penalties
};

// Natural logarithm of the sum of exp(logits): a logit minus it is a log probability. float32 exp,
// summed in double. Precondition: logits are finite or -infinity, not all of them the latter.
double log_sum_exp(std::span<const float> logits);

// The `count` likeliest tokens, best first (the lowest id on ties), into `out`, which keeps its
// capacity between calls. `normalizer`: log_sum_exp(logits).
void top_logprobs(std::span<const float> logits, double normalizer, std::size_t count,
                  std::vector<TokenLogprob>& out);

// Philox4x32-10: 128 random bits of a counter under a key.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key);

}  // namespace bora
