// Engine: runs a model over token ids, many sequences at a time. It owns the model, the backend,
// the KV blocks and the workspace, all allocated by create(); afterwards a decode step allocates
// nothing.
//
// One thread of its own computes all steps (docs/threads.md); it sleeps while there is nothing to
// do. Requests come to it through a queue and tokens go back through TokenStreams, so any thread
// may call any function here, except from within on_logits. The logits of a position do not depend
// on how the sequence was cut, on its company, on what the cache held already or on whether it was
// preempted (decision 2 of docs/architecture.md).
#pragma once

#include "backend/backend.h"
#include "base/function_ref.h"
#include "base/result.h"
#include "engine/draft_proposer.h"
#include "engine/request.h"
#include "engine/sequence.h"
#include "engine/token_stream.h"
#include "model/model.h"

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace bora {

struct EngineOptions {
  // Positions a sequence may have, prompt and answer together. 0: the model's
  // usual_context() (model_config.h), at most kDefaultContext, halved until the cache fits beside
  // the weights (plan/memory_plan.h).
  std::size_t context_length = 0;
  std::size_t prefill_chunk = 512;  // tokens of a prompt computed together
  std::size_t max_sequences = 1;    // computed at a time; others wait
  // Blocks of kKvBlockTokens positions that all sequences together may hold. 0: as many as
  // max_sequences may need, fewer where half the memory beside the weights holds fewer, but enough
  // for one whole context.
  std::size_t kv_blocks = 0;
  std::optional<DType> kv_dtype =
      std::nullopt;  // f32, f16 or bf16; nullopt: f32 with ComputeType::kF32, else f16
  ComputeType compute = ComputeType::kAuto;  // as the backend was made
  std::optional<std::size_t> memory_limit =
      std::nullopt;  // bytes; nullopt: available_memory() (base/memory.h)
  // What drafts come from at next to no cost (docs/speculation.md), called on the engine's thread
  // only. Null: a PromptLookup.
  std::shared_ptr<DraftProposer> proposer = nullptr;
};

class Engine {
 public:
  // `draft`: a smaller model of the same vocabulary, which guesses what follows; null: none. That
  // its ids stand for the same text is the caller's to know: where they do not, its drafts are
  // wrong, and the answers are not.
  // Errors: kUsage (a context beyond max_position_embeddings, a chunk or max_sequences of 0, a KV
  // type that cannot be); kDoesNotFit where weights, cache and workspace together exceed the memory
  // limit; kFailed where the system refuses the thread.
  static Result<std::unique_ptr<Engine>> create(std::unique_ptr<Model> model,
                                                std::unique_ptr<Backend> backend,
                                                const EngineOptions& options,
                                                std::unique_ptr<Model> draft = nullptr);
  // Ends what is running, with kInterrupted.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  Engine(Engine&&) = delete;
  Engine& operator=(Engine&&) = delete;

  [[nodiscard]] const Model& model() const;
  [[nodiscard]] const Backend& backend() const;
  [[nodiscard]] std::size_t context_length() const;
  [[nodiscard]] std::size_t max_sequences() const;
  [[nodiscard]] DType kv_dtype() const;
  // Bytes of keys and values a decode step reads of a sequence at that depth (the window's, where
  // there is one).
  [[nodiscard]] std::size_t kv_bytes_read_per_token(std::size_t depth) const;

  // Queues a request; its tokens come through the stream. *interrupted (null: never) ends it as
  // cancel() does and outlives its end. Errors: kUsage (empty prompt, an id
  // outside the vocabulary, a prompt longer than the context, sampling parameters out of range);
  // kDoesNotFit where the blocks could not hold it even alone; kFailed (no memory).
  Result<TokenStream> submit(const Request& request,
                             const std::atomic<bool>* interrupted = nullptr);

  // Several requests that the engine sees together: none has begun before the last is queued.
  Result<std::vector<TokenStream>> submit_all(std::span<const Request> requests,
                                              const std::atomic<bool>* interrupted = nullptr);

  // The same request `count` times: its prompt is computed once. Answer i draws with seed + i.
  Result<std::vector<TokenStream>> submit_parallel(const Request& request, std::size_t count,
                                                   const std::atomic<bool>* interrupted = nullptr);

  // Answers a request. on_token is called on this thread for every new token (not for the stop id);
  // where it returns false the answer ends with kStop, that token included. *interrupted is looked
  // at before each step (null: never); set, the answer ends with kInterrupted and what there is.
  // Errors: as submit(); kFailed (logits that are not numbers).
  using OnToken = FunctionRef<bool(const TokenEvent& event)>;
  Result<Generation> generate(const Request& request, OnToken on_token,
                              const std::atomic<bool>* interrupted = nullptr);

  // The same for submit_parallel(): on_token sees the first answer's tokens; where it returns false
  // the others end too.
  Result<std::vector<Generation>> generate_parallel(const Request& request, std::size_t count,
                                                    OnToken on_token,
                                                    const std::atomic<bool>* interrupted = nullptr);

  // Runs `ids` through the model and hands out the logits of every position, in order, some rows at
  // a time: logits [rows, vocab_size] f32 of positions first_position and on, valid for the call,
  // which comes from the engine's thread while this one waits. Ends early where on_logits returns
  // false. Errors: as submit(); kInterrupted.
  Result<void> score(std::span<const TokenId> ids, OnLogits on_logits,
                     const std::atomic<bool>* interrupted = nullptr);

 private:
  struct State;
  explicit Engine(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace bora
