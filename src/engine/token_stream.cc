#include "engine/token_stream.h"

#include "base/check.h"
#include "engine/token_channel.h"

#include <algorithm>
#include <utility>

namespace bora {
namespace {

double seconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

TokenChannel::TokenChannel(std::size_t tokens, std::size_t logprobs)
    : logprobs_(logprobs),
      drawn_(tokens),
      top_logprobs_(tokens * logprobs),
      no_memory_{ErrorCode::kFailed, "memory: expected enough for a step, found none left", {}} {}

void TokenChannel::push(const TokenEvent& event) {
  CHECK(event.index < drawn_.size(), "no more tokens than were asked for");
  CHECK(event.top_logprobs.size() <= logprobs_, "no more alternatives than were asked for");
  drawn_[event.index] = {event.id, event.logprob, event.time};
  std::ranges::copy(event.top_logprobs, top_logprobs_.data() + event.index * logprobs_);
  {
    const std::lock_guard lock(mutex_);
    published_ = event.index + 1;
  }
  changed_.notify_one();
}

void TokenChannel::end() {
  ended_ = true;
  end_ = Clock::now();
}

void TokenChannel::finish(const Generation& ending) {
  {
    const std::lock_guard lock(mutex_);
    ending_ = ending;
    end();
  }
  changed_.notify_one();
}

void TokenChannel::fail(Error error) {
  {
    const std::lock_guard lock(mutex_);
    error_ = std::move(error);
    end();
  }
  changed_.notify_one();
}

void TokenChannel::fail_without_memory() { fail(std::move(no_memory_)); }

std::optional<TokenEvent> TokenChannel::wait_for(std::size_t index) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return index < published_ || ended_; });
  if (index >= published_) return std::nullopt;
  const Drawn& drawn = drawn_[index];
  return TokenEvent{.id = drawn.id,
                    .index = index,
                    .top_logprobs = {top_logprobs_.data() + index * logprobs_, logprobs_},
                    .logprob = drawn.logprob,
                    .time = drawn.time};
}

Result<Generation> TokenChannel::wait_for_end() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return ended_; });
  if (error_) return *error_;
  Generation generation = ending_;
  generation.ids.reserve(published_);
  for (std::size_t i = 0; i < published_; ++i) generation.ids.push_back(drawn_[i].id);
  const Clock::time_point first = published_ > 0 ? drawn_.front().time : end_;
  generation.timings = {.prefill_s = seconds(first - start_), .decode_s = seconds(end_ - first)};
  return generation;
}

TokenStream::TokenStream(std::shared_ptr<TokenChannel> channel) : channel_(std::move(channel)) {}
TokenStream::TokenStream(TokenStream&& other) noexcept = default;

TokenStream& TokenStream::operator=(TokenStream&& other) noexcept {
  std::swap(channel_, other.channel_);
  std::swap(read_, other.read_);
  return *this;
}

TokenStream::~TokenStream() {
  if (channel_ != nullptr) channel_->cancel();
}

std::optional<TokenEvent> TokenStream::next() {
  std::optional<TokenEvent> event = channel_->wait_for(read_);
  if (event) ++read_;
  return event;
}

void TokenStream::cancel() { channel_->cancel(); }
Result<Generation> TokenStream::wait() { return channel_->wait_for_end(); }

}  // namespace bora
