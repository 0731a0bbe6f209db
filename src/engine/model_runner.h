// ModelRunner: computes the steps that the scheduler decides on. It owns model, backend, KV arena,
// workspace and logits, allocated by create(); run() allocates nothing. Owner: the engine's thread,
// to which it is handed whole.
#pragma once

#include "backend/backend.h"
#include "base/result.h"
#include "engine/batch_builder.h"
#include "engine/kv_arena.h"
#include "engine/scheduler.h"
#include "model/model.h"
#include "plan/memory_plan.h"
#include "tensor/buffer.h"

#include <cstddef>
#include <memory>

namespace bora {

class ModelRunner {
 public:
  // Errors: kDoesNotFit.
  static Result<ModelRunner> create(std::unique_ptr<Model> model, std::unique_ptr<Backend> backend,
                                    const MemoryPlan& plan);

  [[nodiscard]] const Model& model() const { return *model_; }
  [[nodiscard]] const Backend& backend() const { return *backend_; }
  // For ops between two steps.
  [[nodiscard]] Backend& backend() { return *backend_; }

  // Copies what the step wants copied and computes its tokens.
  void run(const SchedulerOutput& step);

  // Rows of the last step's logits: [rows, vocab_size] f32, valid until the next run().
  [[nodiscard]] TensorView logits(std::size_t first_row, std::size_t rows);

 private:
  ModelRunner(std::unique_ptr<Model> model, std::unique_ptr<Backend> backend, KvArena kv,
              Workspace workspace, Buffer logits, BatchBuilder batches)
      : model_(std::move(model)),
        backend_(std::move(backend)),
        kv_(std::move(kv)),
        workspace_(std::move(workspace)),
        logits_(std::move(logits)),
        batches_(std::move(batches)) {}

  std::unique_ptr<Model> model_;
  std::unique_ptr<Backend> backend_;
  KvArena kv_;
  Workspace workspace_;
  Buffer logits_;
  BatchBuilder batches_;
};

}  // namespace bora
