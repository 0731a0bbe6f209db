// Runs a model for bench: prompts and answers of a batch at a depth, timed. Prompts are random ids
// of a fixed seed; an end of sequence does not stop. Ctrl-C ends a run with kInterrupted. Owner:
// one thread.
#pragma once

#include "base/result.h"
#include "engine/engine.h"

#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

namespace bora {

// Tokens beyond those asked for that the first sequences of a batch decode while the last is at its
// prompt: a step takes at least half a chunk of prompts, and each prompt may end one early.
std::size_t tokens_ahead(std::size_t batch, std::size_t depth, std::size_t chunk);

class BenchRun {
 public:
  // A batch at a depth, its prompts in chunks of `chunk` tokens.
  BenchRun(Engine& engine, std::size_t batch, std::size_t depth, std::size_t chunk)
      : engine_(engine), batch_(batch), depth_(depth), ahead_(tokens_ahead(batch, depth, chunk)) {}

  // Brings weights and all the memory of a step into being and the workers to speed: a prompt of so
  // many tokens, as far as the context holds it, and two new ones.
  Result<void> warm_up(std::size_t prompt_tokens);

  // Tokens/s of the whole batch. Decode needs a token to start from, so begins at a depth of one at
  // least. What reaching the depth takes is measured once until the next decode().
  Result<double> decode(std::size_t new_tokens);
  Result<double> prefill(std::size_t prompt_tokens);

 private:
  using Clock = std::chrono::steady_clock;

  // When the tokens of a batch came.
  struct Times {
    Clock::time_point start;
    std::vector<std::vector<Clock::time_point>> tokens;  // of each sequence

    [[nodiscard]] Clock::time_point all_have_begun() const;
    [[nodiscard]] double prefill_s() const;
    // Of all sequences together, from when all have begun to when the first ends.
    [[nodiscard]] double decode_tokens_per_s() const;
  };

  // A whole batch: prompts of their own, which no cache knows.
  Result<Times> generate(std::size_t prompt_tokens, std::size_t new_tokens);
  [[nodiscard]] Result<void> check_whole(const Generation& done) const;

  Engine& engine_;
  const std::size_t batch_;
  const std::size_t depth_;
  const std::size_t ahead_;
  std::optional<double> depth_s_;  // to reach the depth
};

}  // namespace bora
