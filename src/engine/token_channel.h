// TokenChannel: what the engine's thread and the reader of one answer share.
//
// The engine's thread writes tokens and the end; the reader waits for them and may cancel.
#pragma once

#include "base/result.h"
#include "engine/request.h"

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace bora {

class TokenChannel {
 public:
  // Room for `tokens` tokens with `logprobs` alternatives each.
  TokenChannel(std::size_t tokens, std::size_t logprobs);

  // The engine's side. Neither allocates.
  void push(const TokenEvent& event);
  void finish(const Generation& ending);  // without ids and timings
  void fail(Error error);
  void fail_without_memory();
  [[nodiscard]] bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

  // The reader's side.
  std::optional<TokenEvent> wait_for(std::size_t index);
  Result<Generation> wait_for_end();
  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }

 private:
  using Clock = std::chrono::steady_clock;

  void end();  // with mutex_ held by the caller

  const std::size_t logprobs_;
  const Clock::time_point start_ = Clock::now();
  std::atomic<bool> cancelled_{false};

  struct Drawn {
    TokenId id = 0;
    float logprob = 0.0F;
    Clock::time_point time;
  };

  // Written by the engine's thread at and behind `published_`, read by the reader before it.
  std::vector<Drawn> drawn_;
  std::vector<TokenLogprob> top_logprobs_;  // [tokens, logprobs]

  std::mutex mutex_;  // guards all that follows
  std::condition_variable changed_;
  std::size_t published_ = 0;  // tokens the reader may look at
  bool ended_ = false;
  Clock::time_point end_;
  Generation ending_;  // without ids and timings
  std::optional<Error> error_;
  Error no_memory_;  // made while there is some
};

}  // namespace bora
