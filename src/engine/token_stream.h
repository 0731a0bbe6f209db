// TokenStream: the answer to a request as it comes, the reader's end of it.
//
// The buffer for all tokens of the answer is allocated when the request is submitted, on the
// submitting thread, so that the engine never waits for a reader and never allocates for one.
// Owner: one reading thread. It may outlive the engine.
#pragma once

#include "base/result.h"
#include "engine/request.h"

#include <memory>
#include <optional>

namespace bora {

class TokenChannel;

class TokenStream {
 public:
  explicit TokenStream(std::shared_ptr<TokenChannel> channel);
  // Cancels.
  ~TokenStream();
  TokenStream(TokenStream&& other) noexcept;
  TokenStream& operator=(TokenStream&& other) noexcept;
  TokenStream(const TokenStream&) = delete;
  TokenStream& operator=(const TokenStream&) = delete;

  // Waits for the next token; nullopt after the last. What it borrows is valid as long as the
  // stream.
  std::optional<TokenEvent> next();

  // Ends the answer after the step being computed, with kInterrupted.
  void cancel();

  // Waits for the end: all tokens, those that next() has returned included. Its blocks have been
  // given back by then. Errors: kFailed (logits that are not numbers, no memory).
  Result<Generation> wait();

 private:
  std::shared_ptr<TokenChannel> channel_;
  std::size_t read_ = 0;
};

}  // namespace bora
