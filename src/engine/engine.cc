#include "engine/engine.h"

#include "base/check.h"
#include "engine/batch_builder.h"
#include "engine/block_manager.h"
#include "engine/kv_arena.h"
#include "plan/kv_blocks.h"
#include "plan/memory_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace bora {
namespace {

using Clock = std::chrono::steady_clock;

double seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

bool is_set(const std::atomic<bool>* flag) {
  return flag != nullptr && flag->load(std::memory_order_relaxed);
}

Result<void> check_ids(std::span<const TokenId> ids, std::size_t vocab_size, std::size_t limit) {
  if (ids.empty()) {
    return Error{ErrorCode::kUsage, "prompt: expected at least one token, found none", {}};
  }
  if (ids.size() > limit) {
    return Error{
        ErrorCode::kUsage,
        fmt::format("prompt: expected at most {} tokens (--ctx), found {}", limit, ids.size()),
        {"shorten it, or use a larger --ctx"}};
  }
  for (const TokenId id : ids) {
    if (id >= 0 && static_cast<std::size_t>(id) < vocab_size) continue;
    return Error{
        ErrorCode::kUsage,
        fmt::format("prompt: expected token ids from 0 to {}, found {}", vocab_size - 1, id),
        {}};
  }
  return {};
}

// The token of this step as the caller sees it; with logprobs, those of the same logits.
TokenEvent make_event(TokenId id, std::size_t index, std::span<const float> logits,
                      std::int32_t logprobs, std::vector<TokenLogprob>& top) {
  TokenEvent event{.id = id, .index = index, .top_logprobs = {}, .logprob = 0.0F};
  if (logprobs == 0) return event;
  const double normalizer = log_sum_exp(logits);
  top_logprobs(logits, normalizer, static_cast<std::size_t>(logprobs), top);
  event.top_logprobs = top;
  event.logprob =
      static_cast<float>(static_cast<double>(logits[static_cast<std::size_t>(id)]) - normalizer);
  return event;
}

bool ends_answer(const Request& request, TokenId id) {
  return !request.ignore_eos &&
         std::find(request.stop_ids.begin(), request.stop_ids.end(), id) != request.stop_ids.end();
}

MemoryOptions memory_options(const EngineOptions& options) {
  return {.context_length = options.context_length,
          .prefill_chunk = options.prefill_chunk,
          .kv_dtype = options.kv_dtype,
          .compute = options.compute,
          .memory_limit = options.memory_limit};
}

}  // namespace

struct Engine::State {
  std::unique_ptr<Model> model;
  std::unique_ptr<Backend> backend;
  MemoryPlan plan;
  KvArena kv;
  Workspace workspace;
  Buffer logits_buffer;
  BlockManager blocks;
  BlockTable table;
  BatchBuilder batches;

  [[nodiscard]] std::size_t vocab_size() const { return model->config().vocab_size; }

  // The logits that the last step() wrote: [rows, vocab_size].
  [[nodiscard]] MutableTensorView logits(std::size_t rows) {
    return {logits_buffer.bytes().data(), DType::kF32, {rows, vocab_size()}};
  }
  [[nodiscard]] std::span<const float> logits_row() {
    return {reinterpret_cast<const float*>(logits_buffer.bytes().data()), vocab_size()};
  }

  // Runs ids at positions begin and on; at most plan.chunk of them.
  void step(std::span<const TokenId> ids, std::size_t begin, LogitsOf wanted) {
    BlockCopy none;
    const bool taken = blocks.advance(table, begin, begin + ids.size(), none);
    CHECK(taken, "kv_blocks_needed() blocks suffice");
    const ForwardBatch batch = batches.build(ids, begin, wanted, table, kKvBlockTokens);
    workspace.rewind(0);
    backend->begin_step();
    model->forward(*backend, batch, kv.cache(), workspace, logits(batch.logits_rows.size()));
    backend->end_step();
    backend->synchronize();
  }

  // Fills the cache with the prompt and computes the logits that follow it. False: interrupted.
  bool prefill(std::span<const TokenId> prompt, const std::atomic<bool>* interrupted) {
    blocks.release(table);
    for (std::size_t begin = 0; begin < prompt.size(); begin += plan.chunk) {
      if (is_set(interrupted)) return false;
      const std::size_t count = std::min(plan.chunk, prompt.size() - begin);
      const bool last = begin + count == prompt.size();
      step(prompt.subspan(begin, count), begin, last ? LogitsOf::kLast : LogitsOf::kNone);
    }
    return true;
  }

  Result<Generation> answer(const Request& request, OnToken on_token,
                            const std::atomic<bool>* interrupted);
};

Engine::Engine(std::unique_ptr<State> state) : state_(std::move(state)) {}
Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::create(std::unique_ptr<Model> model,
                                               std::unique_ptr<Backend> backend,
                                               const EngineOptions& options) {
  Result<MemoryPlan> plan = plan_memory(*model, *backend, memory_options(options));
  if (!plan) return std::move(plan).error();
  model->set_context_length(plan->context_length);
  Result<KvArena> kv =
      KvArena::create(*backend, model->kv_shape(), plan->kv_dtype, plan->kv_blocks, kKvBlockTokens);
  if (!kv) return std::move(kv).error();
  Result<Workspace> workspace = Workspace::create(*backend, plan->workspace_values);
  if (!workspace) return std::move(workspace).error();
  Result<Buffer> logits = backend->allocate(
      plan->logits_rows * model->config().vocab_size * sizeof(float), Fill::kWhole);
  if (!logits) return std::move(logits).error();
  Result<void> reserved = backend->reserve(plan->step_tokens, model->max_columns());
  if (!reserved) return std::move(reserved).error();

  BlockManager blocks({.num_blocks = plan->kv_blocks,
                       .block_tokens = kKvBlockTokens,
                       .window = model->kv_shape().sliding_window,
                       .prefix_entries = plan->kv_blocks});
  return std::unique_ptr<Engine>(new Engine(
      std::make_unique<State>(State{.model = std::move(model),
                                    .backend = std::move(backend),
                                    .plan = *plan,
                                    .kv = std::move(kv).value(),
                                    .workspace = std::move(workspace).value(),
                                    .logits_buffer = std::move(logits).value(),
                                    .blocks = std::move(blocks),
                                    .table = BlockTable(plan->context_length, kKvBlockTokens),
                                    .batches = BatchBuilder(plan->chunk)})));
}

const Model& Engine::model() const { return *state_->model; }
const Backend& Engine::backend() const { return *state_->backend; }
std::size_t Engine::context_length() const { return state_->plan.context_length; }
DType Engine::kv_dtype() const { return state_->plan.kv_dtype; }

std::size_t Engine::kv_bytes_read_per_token(std::size_t depth) const {
  const KvShape shape = state_->model->kv_shape();
  if (shape.sliding_window != 0) depth = std::min(depth, shape.sliding_window);
  return shape.values_per_token() * depth * info(kv_dtype()).block_bytes;
}

// What generate() promises, for a request that has been validated.
Result<Generation> Engine::State::answer(const Request& request, OnToken on_token,
                                         const std::atomic<bool>* interrupted) {
  const std::size_t prompt_tokens = request.prompt.size();
  const std::size_t most = std::min(request.max_new_tokens, plan.context_length - prompt_tokens);
  Sampler sampler(request.sampling, vocab_size(), request.prompt);
  std::vector<TokenLogprob> top;
  Generation result;
  result.ids.reserve(most);

  const Clock::time_point start = Clock::now();
  const bool filled = prefill(request.prompt, interrupted);
  Clock::time_point first_token = Clock::now();
  result.finish_reason = filled ? FinishReason::kLength : FinishReason::kInterrupted;
  while (filled && result.ids.size() < most) {
    const std::size_t position = prompt_tokens + result.ids.size();
    Result<TokenId> id = sampler.sample(logits_row(), position);
    if (!id) return std::move(id).error();
    if (result.ids.empty()) first_token = Clock::now();
    if (ends_answer(request, *id)) {
      result.finish_reason = FinishReason::kStop;
      break;
    }
    result.ids.push_back(*id);
    sampler.accept(*id);
    if (!on_token(
            make_event(*id, result.ids.size() - 1, logits_row(), request.sampling.logprobs, top))) {
      result.finish_reason = FinishReason::kStop;
      break;
    }
    if (result.ids.size() == most) break;
    if (is_set(interrupted)) {
      result.finish_reason = FinishReason::kInterrupted;
      break;
    }
    step({&result.ids.back(), 1}, position, LogitsOf::kLast);
  }
  result.timings = {.prefill_s = seconds(first_token - start),
                    .decode_s = seconds(Clock::now() - first_token)};
  return result;
}

Result<Generation> Engine::generate(const Request& request, OnToken on_token,
                                    const std::atomic<bool>* interrupted) {
  // One position is left for the answer, where there is to be one.
  const std::size_t longest = context_length() - (request.max_new_tokens > 0 ? 1 : 0);
  Result<void> valid = check_ids(request.prompt, state_->vocab_size(), longest);
  if (valid) valid = validate(request.sampling);
  if (!valid) return std::move(valid).error();
  return state_->answer(request, on_token, interrupted);
}

Result<void> Engine::score(std::span<const TokenId> ids, OnLogits on_logits,
                           const std::atomic<bool>* interrupted) {
  State& state = *state_;
  Result<void> valid = check_ids(ids, state.vocab_size(), context_length());
  if (!valid) return valid;
  state.blocks.release(state.table);
  for (std::size_t begin = 0; begin < ids.size(); begin += state.plan.logits_rows) {
    if (is_set(interrupted)) return Error{ErrorCode::kInterrupted, "interrupted", {}};
    const std::size_t count = std::min(state.plan.logits_rows, ids.size() - begin);
    state.step(ids.subspan(begin, count), begin, LogitsOf::kAll);
    if (!on_logits(begin, state.logits(count))) break;
  }
  return {};
}

}  // namespace bora
