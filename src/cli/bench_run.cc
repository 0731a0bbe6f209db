#include "cli/bench_run.h"

#include "cli/interrupt.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

namespace bora {
namespace {

double seconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

std::vector<TokenId> random_ids(std::size_t count, std::size_t vocab_size, std::size_t seed) {
  std::mt19937 random(static_cast<std::uint32_t>(
      20240726 + seed));  // NOLINT(bugprone-random-generator-seed): the same prompts each time
  std::uniform_int_distribution<TokenId> id(0, static_cast<TokenId>(vocab_size) - 1);
  std::vector<TokenId> ids(count);
  for (TokenId& each : ids) each = id(random);
  return ids;
}

}  // namespace

std::size_t tokens_ahead(std::size_t batch, std::size_t depth, std::size_t chunk) {
  if (batch == 1) return 0;
  return batch * depth / std::max<std::size_t>(chunk / 2, 1) + 2 * batch;
}

BenchRun::Clock::time_point BenchRun::Times::all_have_begun() const {
  Clock::time_point last = start;
  for (const auto& times : tokens) last = std::max(last, times.front());
  return last;
}

double BenchRun::Times::prefill_s() const { return seconds(all_have_begun() - start); }

double BenchRun::Times::decode_tokens_per_s() const {
  const Clock::time_point begin = all_have_begun();
  Clock::time_point end = tokens.front().back();
  for (const auto& times : tokens) end = std::min(end, times.back());
  std::size_t count = 0;
  for (const auto& times : tokens) {
    for (const Clock::time_point time : times) count += time > begin && time <= end ? 1 : 0;
  }
  return static_cast<double>(count) / seconds(end - begin);
}

Result<void> BenchRun::warm_up(std::size_t prompt_tokens) {
  const std::size_t longest = engine_.context_length() - 2;
  Result<Times> times = generate(std::min(prompt_tokens, longest), 2);
  if (!times) return std::move(times).error();
  return {};
}

Result<double> BenchRun::decode(std::size_t new_tokens) {
  Result<Times> times = generate(std::max<std::size_t>(depth_, 1), new_tokens + 1 + ahead_);
  if (!times) return std::move(times).error();
  // In a batch the first sequences decode while the last is at its prompt.
  depth_s_ = batch_ == 1 && depth_ > 0 ? std::optional(times->prefill_s()) : std::nullopt;
  return times->decode_tokens_per_s();
}

Result<double> BenchRun::prefill(std::size_t prompt_tokens) {
  Result<Times> whole = generate(depth_ + prompt_tokens, 1);
  if (!whole) return std::move(whole).error();
  double prefill_s = whole->prefill_s();
  if (depth_ > 0) {  // whose own prefill is taken off
    if (!depth_s_) {
      Result<Times> depth = generate(depth_, 1);
      if (!depth) return std::move(depth).error();
      depth_s_ = depth->prefill_s();
    }
    prefill_s -= *depth_s_;
  }
  return static_cast<double>(batch_ * prompt_tokens) / prefill_s;
}

Result<BenchRun::Times> BenchRun::generate(std::size_t prompt_tokens, std::size_t new_tokens) {
  std::vector<Request> requests(batch_);
  for (std::size_t i = 0; i < batch_; ++i) {
    requests[i].prompt = random_ids(prompt_tokens, engine_.model().config().vocab_size, i);
    requests[i].max_new_tokens = new_tokens;
    requests[i].ignore_eos = true;
    requests[i].use_prefix_cache = false;
    requests[i].speculate = Speculate::kOff;
  }
  Times times;
  times.start = Clock::now();
  Result<std::vector<TokenStream>> streams = engine_.submit_all(requests, &interrupt_flag());
  if (!streams) return std::move(streams).error();
  for (TokenStream& stream : *streams) {
    std::vector<Clock::time_point>& tokens = times.tokens.emplace_back();
    while (const std::optional<TokenEvent> event = stream.next()) tokens.push_back(event->time);
    Result<Generation> done = stream.wait();
    if (!done) return std::move(done).error();
    if (Result<void> whole = check_whole(*done); !whole) return std::move(whole).error();
  }
  return times;
}

Result<void> BenchRun::check_whole(const Generation& done) const {
  if (done.finish_reason == FinishReason::kInterrupted) {
    return Error{ErrorCode::kInterrupted, "bench: interrupted", {}};
  }
  if (done.preemptions == 0) return {};
  return Error{
      ErrorCode::kDoesNotFit,
      fmt::format("--batch {}: expected room in the KV cache for all sequences, found too little",
                  batch_),
      {"use a smaller --batch, --depth, --prompt-tokens or --new-tokens"}};
}

}  // namespace bora
