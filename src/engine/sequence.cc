#include "engine/sequence.h"

#include "engine/step_cost.h"

#include <algorithm>
#include <utility>

namespace bora {
namespace {

Request without_prompt(Request request) {
  request.prompt = {};
  return request;
}

std::vector<TokenId> with_room(std::span<const TokenId> ids, std::size_t more) {
  std::vector<TokenId> tokens;
  tokens.reserve(ids.size() + more);
  tokens.assign(ids.begin(), ids.end());
  return tokens;
}

}  // namespace

Sequence::Sequence(Request asked, std::size_t most_new_tokens, std::size_t vocab_size,
                   std::size_t block_tokens, const std::atomic<bool>* flag)
    : request(without_prompt(asked)),
      prompt_tokens(asked.prompt.size()),
      most_new(most_new_tokens),
      interrupt_flag(flag),
      on_logits(nullptr),
      channel(std::make_shared<TokenChannel>(
          most_new_tokens,
          std::min(static_cast<std::size_t>(asked.sampling.logprobs), vocab_size))),
      tokens(with_room(asked.prompt, most_new_tokens)),
      blocks(asked.prompt.size() + most_new_tokens, block_tokens),
      sampler(std::in_place, asked.sampling, vocab_size, asked.prompt) {
  top_logprobs.reserve(static_cast<std::size_t>(asked.sampling.logprobs));
  if (asked.speculate != Speculate::kOff) draft.reserve(StepCost::kMostDrafted);
}

Sequence::Sequence(std::span<const TokenId> ids, const OnLogits& wanted, std::size_t block_tokens,
                   const std::atomic<bool>* flag)
    : prompt_tokens(ids.size()),
      most_new(0),
      interrupt_flag(flag),
      on_logits(&wanted),
      channel(std::make_shared<TokenChannel>(0, 0)),
      tokens(with_room(ids, 0)),
      blocks(ids.size(), block_tokens) {}

bool Sequence::is_interrupted() const {
  return channel->cancelled() ||
         (interrupt_flag != nullptr && interrupt_flag->load(std::memory_order_relaxed));
}

void Sequence::draw(std::span<const float> logits) {
  Result<TokenId> drawn = sampler->sample(logits, tokens.size());
  if (!drawn) {
    error = std::move(drawn).error();
    return;
  }
  const TokenId id = *drawn;
  if (!request.ignore_eos && std::ranges::find(request.stop_ids, id) != request.stop_ids.end()) {
    finish_reason = FinishReason::kStop;
    return;
  }
  TokenEvent event{.id = id,
                   .index = num_new(),
                   .top_logprobs = {},
                   .logprob = 0.0F,
                   .time = std::chrono::steady_clock::now()};
  if (request.sampling.logprobs > 0) {
    const double normalizer = log_sum_exp(logits);
    bora::top_logprobs(logits, normalizer, static_cast<std::size_t>(request.sampling.logprobs),
                       top_logprobs);
    event.top_logprobs = top_logprobs;
    event.logprob =
        static_cast<float>(static_cast<double>(logits[static_cast<std::size_t>(id)]) - normalizer);
  }
  tokens.push_back(id);
  sampler->accept(id);
  channel->push(event);
  if (num_new() == most_new) finish_reason = FinishReason::kLength;
}

void Sequence::draw_along_draft(TensorView logits) {
  std::size_t accepted = 0;
  for (;;) {
    // A row of an f32 tensor is an array of floats.
    draw({reinterpret_cast<const float*>(logits.row(accepted)), logits.shape[1]});
    if (has_ended() || accepted == draft.size() || tokens.back() != draft[accepted]) break;
    ++accepted;
  }
  draft.resize(accepted);
}

void Sequence::hand_out(std::size_t first_position, TensorView logits) {
  num_scored = first_position + logits.shape.rows();
  const bool more = (*on_logits)(first_position, logits);
  if (!more || num_scored == tokens.size()) finish_reason = FinishReason::kStop;
}

void Sequence::report_end() {
  if (error) {
    channel->fail(std::move(*error));
  } else {
    channel->finish({.ids = {},
                     .finish_reason = *finish_reason,
                     .timings = {},
                     .cached_tokens = cached_tokens,
                     .preemptions = preemptions,
                     .drafted_tokens = drafted_tokens,
                     .accepted_tokens = accepted_tokens,
                     .model_drafted_tokens = model_drafted_tokens,
                     .model_accepted_tokens = model_accepted_tokens});
  }
}

}  // namespace bora
