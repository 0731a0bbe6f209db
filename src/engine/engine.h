// Engine: runs a model over token ids. It owns the model, the backend, the KV blocks and the
// workspace, all allocated by create(); afterwards a decode step allocates nothing.
//
// One sequence at a time, in chunks of `prefill_chunk` tokens; each call starts with an empty
// cache. The logits of a position do not depend on how the sequence was cut (decision 2 of
// docs/architecture.md). Owner: one thread, the one that called create().
#pragma once

#include "backend/backend.h"
#include "base/function_ref.h"
#include "base/result.h"
#include "engine/request.h"
#include "model/model.h"

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>

namespace bora {

struct EngineOptions {
  // Positions a sequence may have, prompt and answer together. 0: the model's
  // max_position_embeddings, at most kDefaultContext, halved until the cache fits beside the
  // weights (plan/memory_plan.h).
  std::size_t context_length = 0;
  std::size_t prefill_chunk = 512;  // tokens of a prompt computed together
  std::optional<DType> kv_dtype =
      std::nullopt;  // f32, f16 or bf16; nullopt: f32 with ComputeType::kF32, else f16
  ComputeType compute = ComputeType::kAuto;  // as the backend was made
  std::optional<std::size_t> memory_limit =
      std::nullopt;  // bytes; nullopt: available_memory() (base/memory.h)
};

class Engine {
 public:
  // Errors: kUsage (a context beyond max_position_embeddings, a chunk of 0, a KV type that cannot
  // be); kDoesNotFit where weights, cache and workspace together exceed the memory limit.
  static Result<std::unique_ptr<Engine>> create(std::unique_ptr<Model> model,
                                                std::unique_ptr<Backend> backend,
                                                const EngineOptions& options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  Engine(Engine&&) = delete;
  Engine& operator=(Engine&&) = delete;

  [[nodiscard]] const Model& model() const;
  [[nodiscard]] const Backend& backend() const;
  [[nodiscard]] std::size_t context_length() const;
  [[nodiscard]] DType kv_dtype() const;
  // Bytes of keys and values a decode step reads at that depth (the window's, where there is one).
  [[nodiscard]] std::size_t kv_bytes_read_per_token(std::size_t depth) const;

  // Answers a request. on_token is called for every new token as it comes (not for the stop id);
  // where it returns false the answer ends with kStop, that token included. *interrupted is looked
  // at before each step (null: never); set, the answer ends with kInterrupted and what there is.
  // Errors: kUsage (empty prompt, an id outside the vocabulary, a prompt longer than the context,
  // sampling parameters out of range); kFailed (logits that are not numbers).
  using OnToken = FunctionRef<bool(const TokenEvent& event)>;
  Result<Generation> generate(const Request& request, OnToken on_token,
                              const std::atomic<bool>* interrupted = nullptr);

  // Runs `ids` through the model and hands out the logits of every position, in order, some rows at
  // a time: logits [rows, vocab_size] f32 of positions first_position and on, valid for the call.
  // Ends early where on_logits returns false. Errors: as generate(); kInterrupted.
  using OnLogits = FunctionRef<bool(std::size_t first_position, TensorView logits)>;
  Result<void> score(std::span<const TokenId> ids, OnLogits on_logits,
                     const std::atomic<bool>* interrupted = nullptr);

 private:
  struct State;
  explicit Engine(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace bora
