#include "engine/engine.h"

#include "engine/draft_model.h"
#include "engine/inbox.h"
#include "engine/model_runner.h"
#include "engine/prompt_lookup.h"
#include "engine/scheduler.h"
#include "engine/speculation.h"
#include "plan/memory_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <new>
#include <system_error>
#include <thread>
#include <utility>

namespace bora {
namespace {

using Clock = std::chrono::steady_clock;

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

MemoryOptions memory_options(const EngineOptions& options, const Model* draft) {
  return {.context_length = options.context_length,
          .prefill_chunk = options.prefill_chunk,
          .max_sequences = options.max_sequences,
          .kv_blocks = options.kv_blocks,
          .kv_dtype = options.kv_dtype,
          .compute = options.compute,
          .memory_limit = options.memory_limit,
          .draft = draft};
}

Scheduler::Limits limits_of(const MemoryPlan& plan) {
  return {.max_sequences = plan.max_sequences,
          .step_tokens = plan.step_tokens,
          .chunk = plan.chunk,
          .logits_rows = plan.logits_rows};
}

BlockManager::Shape blocks_of(const MemoryPlan& plan, std::size_t window) {
  // With a window, prefixes are remembered beyond their blocks: those of whole contexts.
  const std::size_t of_context = (plan.context_length + kKvBlockTokens - 1) / kKvBlockTokens;
  const std::size_t beyond = window == 0 ? 0 : plan.max_sequences * of_context;
  return {.num_blocks = plan.kv_blocks,
          .block_tokens = kKvBlockTokens,
          .window = window,
          .prefix_entries = plan.kv_blocks + plan.kv_blocks / 2 + beyond};
}

Result<Speculation> make_speculation(ModelRunner& runner, const EngineOptions& options,
                                     const MemoryPlan& plan, std::unique_ptr<Model> draft) {
  std::shared_ptr<DraftProposer> proposer = options.proposer;
  if (proposer == nullptr) proposer = std::make_shared<PromptLookup>();
  if (draft == nullptr) return Speculation(std::move(proposer));
  Result<std::unique_ptr<DraftModel>> model =
      DraftModel::create(std::move(draft), runner.backend(), plan.draft, runner.model());
  if (!model) return std::move(model).error();
  return Speculation(std::move(proposer), *std::move(model));
}

Error no_memory() {
  return {ErrorCode::kFailed, "memory: expected enough for the request, found too little", {}};
}

}  // namespace

struct Engine::State {
  State(ModelRunner made, const MemoryPlan& planned, Speculation drafts)
      : plan(planned),
        window(made.model().kv_shape().sliding_window),
        runner(std::move(made)),
        speculation(std::move(drafts)),
        scheduler(limits_of(planned), blocks_of(planned, window), &speculation) {}

  // Read by all threads.
  const MemoryPlan plan;
  const std::size_t window;
  // The thread's. Others read what is const in the model and the backend.
  ModelRunner runner;
  Speculation speculation;
  Scheduler scheduler;
  // The way in.
  Inbox inbox;
  std::thread thread;

  [[nodiscard]] std::size_t vocab_size() const { return runner.model().config().vocab_size; }
  [[nodiscard]] std::size_t most_new(const Request& request) const {
    return std::min(request.max_new_tokens, plan.context_length - request.prompt.size());
  }

  Result<void> check(const Request& request) const;
  [[nodiscard]] Result<void> check_blocks(std::size_t positions) const;
  // Posts each of the requests `count` times, all at once.
  Result<std::vector<TokenStream>> post(std::span<const Request> requests, std::size_t count,
                                        const std::atomic<bool>* interrupted);

  void work();
  void step();
  void compute(const SchedulerOutput& output);
  void use_logits(const ScheduledSequence& scheduled);
};

// Any thread's part.

Result<void> Engine::State::check(const Request& request) const {
  // One position is left for the answer, where there is to be one.
  const std::size_t longest = plan.context_length - (request.max_new_tokens > 0 ? 1 : 0);
  Result<void> valid = check_ids(request.prompt, vocab_size(), longest);
  if (valid) valid = validate(request.sampling);
  if (valid) valid = check_blocks(request.prompt.size() + most_new(request));
  return valid;
}

Result<void> Engine::State::check_blocks(std::size_t positions) const {
  const std::size_t needed = kv_blocks_needed(positions, window, plan.chunk, kKvBlockTokens);
  if (needed <= plan.kv_blocks) return {};
  return Error{ErrorCode::kDoesNotFit,
               fmt::format("KV cache: expected at most {} positions, prompt and answer together, "
                           "found {}",
                           plan.kv_blocks * kKvBlockTokens, positions),
               {"ask for a shorter answer, or shorten the prompt"}};
}

Result<std::vector<TokenStream>> Engine::State::post(std::span<const Request> requests,
                                                     std::size_t count,
                                                     const std::atomic<bool>* interrupted) {
  for (const Request& request : requests) {
    if (Result<void> valid = check(request); !valid) return std::move(valid).error();
  }
  try {
    SequenceList sequences;
    std::vector<TokenStream> streams;
    for (const Request& request : requests) {
      Request each = request;
      for (std::size_t i = 0; i < count; ++i) {
        SequenceList& list = i == 0 ? sequences : sequences.back().forks;
        each.sampling.seed = request.sampling.seed + i;
        list.emplace_back(each, most_new(request), vocab_size(), kKvBlockTokens, interrupted);
        streams.emplace_back(list.back().channel);
      }
    }
    inbox.post(sequences);
    return streams;
  } catch (const std::bad_alloc&) {
    return no_memory();
  }
}

// The engine's thread.

void Engine::State::work() {
  runner.backend().adopt_thread();
  SequenceList arrivals;
  while (inbox.take(arrivals, scheduler.idle())) {
    scheduler.add(std::move(arrivals));
    try {
      step();
    } catch (const std::bad_alloc&) {
      for (Sequence& sequence : scheduler.take_all()) sequence.channel->fail_without_memory();
    }
  }
  scheduler.add(std::move(arrivals));
  for (Sequence& sequence : scheduler.take_all()) {
    sequence.finish_reason = FinishReason::kInterrupted;
    sequence.report_end();
  }
}

void Engine::State::step() {
  const SchedulerOutput& output = scheduler.schedule();
  if (!output.sequences.empty()) {
    compute(output);
    for (const ScheduledSequence& scheduled : output.sequences) use_logits(scheduled);
    scheduler.commit();
  }
  for (Sequence& sequence : scheduler.take_finished()) sequence.report_end();
}

void Engine::State::compute(const SchedulerOutput& output) {
  const Clock::time_point start = Clock::now();
  runner.run(output);
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  if (output.tokens == output.sequences.size() + output.drafted) {
    speculation.record(output.sequences.size(), output.drafted, seconds);
  } else {
    speculation.record_prompts(seconds);
  }
}

void Engine::State::use_logits(const ScheduledSequence& scheduled) {
  if (scheduled.rows == 0) return;
  const TensorView logits = runner.logits(scheduled.first_row, scheduled.rows);
  Sequence& sequence = *scheduled.sequence;
  if (sequence.on_logits != nullptr) {
    sequence.hand_out(scheduled.begin + scheduled.count - scheduled.rows, logits);
    return;
  }
  sequence.draw_along_draft(logits);
  for (Sequence& fork : sequence.forks) fork.draw_along_draft(logits);
}

// The engine.

Engine::Engine(std::unique_ptr<State> state) : state_(std::move(state)) {}

Engine::~Engine() {
  state_->inbox.stop();
  if (state_->thread.joinable()) state_->thread.join();
}

Result<std::unique_ptr<Engine>> Engine::create(std::unique_ptr<Model> model,
                                               std::unique_ptr<Backend> backend,
                                               const EngineOptions& options,
                                               std::unique_ptr<Model> draft) {
  Result<MemoryPlan> plan = plan_memory(*model, *backend, memory_options(options, draft.get()));
  if (!plan) return std::move(plan).error();
  model->set_context_length(plan->context_length);
  Result<ModelRunner> runner = ModelRunner::create(std::move(model), std::move(backend), *plan);
  if (!runner) return std::move(runner).error();
  Result<Speculation> speculation = make_speculation(*runner, options, *plan, std::move(draft));
  if (!speculation) return std::move(speculation).error();
  auto engine = std::unique_ptr<Engine>(
      new Engine(std::make_unique<State>(*std::move(runner), *plan, *std::move(speculation))));
  try {
    engine->state_->thread = std::thread([state = engine->state_.get()] { state->work(); });
  } catch (const std::system_error& error) {
    return Error{ErrorCode::kFailed,
                 fmt::format("threads: the system refused the engine's thread ({})", error.what()),
                 {}};
  }
  return engine;
}

const Model& Engine::model() const { return state_->runner.model(); }
const Backend& Engine::backend() const { return state_->runner.backend(); }
std::size_t Engine::context_length() const { return state_->plan.context_length; }
std::size_t Engine::max_sequences() const { return state_->plan.max_sequences; }
DType Engine::kv_dtype() const { return state_->plan.kv_dtype; }

std::size_t Engine::kv_bytes_read_per_token(std::size_t depth) const {
  const ModelConfig& config = model().config();
  std::size_t positions = 0;
  for (std::size_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    const std::size_t window = config.window_of(layer);
    positions += window == 0 ? depth : std::min(depth, window);
  }
  return positions * 2 * config.num_key_value_heads * config.head_dim *
         info(kv_dtype()).block_bytes;
}

Result<TokenStream> Engine::submit(const Request& request, const std::atomic<bool>* interrupted) {
  Result<std::vector<TokenStream>> streams = submit_all({&request, 1}, interrupted);
  if (!streams) return std::move(streams).error();
  return std::move(streams->front());
}

Result<std::vector<TokenStream>> Engine::submit_all(std::span<const Request> requests,
                                                    const std::atomic<bool>* interrupted) {
  return state_->post(requests, 1, interrupted);
}

Result<std::vector<TokenStream>> Engine::submit_parallel(const Request& request, std::size_t count,
                                                         const std::atomic<bool>* interrupted) {
  return state_->post({&request, 1}, count, interrupted);
}

Result<Generation> Engine::generate(const Request& request, OnToken on_token,
                                    const std::atomic<bool>* interrupted) {
  Result<std::vector<Generation>> all = generate_parallel(request, 1, on_token, interrupted);
  if (!all) return std::move(all).error();
  return std::move(all->front());
}

Result<std::vector<Generation>> Engine::generate_parallel(const Request& request, std::size_t count,
                                                          OnToken on_token,
                                                          const std::atomic<bool>* interrupted) {
  Result<std::vector<TokenStream>> streams = submit_parallel(request, count, interrupted);
  if (!streams) return std::move(streams).error();
  // The engine may be some tokens ahead of this thread: the answer ends where this thread says.
  const std::size_t most = state_->most_new(request);
  std::optional<FinishReason> ended;
  std::size_t taken = 0;
  Clock::time_point first_time;
  while (!ended) {
    const std::optional<TokenEvent> event = streams->front().next();
    if (!event) break;
    if (taken++ == 0) first_time = event->time;
    if (!on_token(*event)) {
      ended = FinishReason::kStop;
    } else if (taken < most && is_set(interrupted)) {
      ended = FinishReason::kInterrupted;
    }
  }
  const Clock::time_point end_time = Clock::now();
  if (ended) {
    for (TokenStream& stream : *streams) stream.cancel();
  }
  // All of them end before this returns: until then they look at *interrupted.
  std::vector<Generation> all;
  std::optional<Error> error;
  for (TokenStream& stream : *streams) {
    Result<Generation> answer = stream.wait();
    if (answer) {
      all.push_back(*std::move(answer));
    } else if (!error) {
      error = std::move(answer).error();
    }
  }
  if (error) return *std::move(error);
  if (ended) {
    all.front().ids.resize(taken);
    all.front().finish_reason = *ended;
    all.front().timings.decode_s = std::chrono::duration<double>(end_time - first_time).count();
  }
  return all;
}

Result<void> Engine::score(std::span<const TokenId> ids, OnLogits on_logits,
                           const std::atomic<bool>* interrupted) {
  State& state = *state_;
  Result<void> valid = check_ids(ids, state.vocab_size(), context_length());
  if (valid) valid = state.check_blocks(ids.size());
  if (!valid) return valid;
  std::optional<TokenStream> stream;
  try {
    SequenceList sequences;
    sequences.emplace_back(ids, on_logits, kKvBlockTokens, interrupted);
    stream.emplace(sequences.back().channel);
    state.inbox.post(sequences);
  } catch (const std::bad_alloc&) {
    return no_memory();
  }
  const Result<Generation> end = stream->wait();
  if (!end) return end.error();
  if (end->finish_reason != FinishReason::kInterrupted) return {};
  return Error{ErrorCode::kInterrupted, "interrupted", {}};
}

}  // namespace bora
