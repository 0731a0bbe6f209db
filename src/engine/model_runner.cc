#include "engine/model_runner.h"

#include <utility>

namespace bora {

Result<ModelRunner> ModelRunner::create(std::unique_ptr<Model> model,
                                        std::unique_ptr<Backend> backend, const MemoryPlan& plan) {
  Result<KvArena> kv =
      KvArena::create(*backend, model->kv_shape(), plan.kv_dtype, plan.kv_blocks, kKvBlockTokens);
  if (!kv) return std::move(kv).error();
  Result<Workspace> workspace = Workspace::create(*backend, plan.workspace_values);
  if (!workspace) return std::move(workspace).error();
  Result<Buffer> logits = backend->allocate(
      plan.logits_rows * model->config().vocab_size * sizeof(float), Fill::kWhole);
  if (!logits) return std::move(logits).error();
  Result<void> reserved = backend->reserve(plan.step_tokens, plan.max_columns);
  if (!reserved) return std::move(reserved).error();
  BatchBuilder batches({.tokens = plan.step_tokens,
                        .sequences = plan.max_sequences,
                        .rows = plan.logits_rows,
                        .max_blocks = (plan.context_length + kKvBlockTokens - 1) / kKvBlockTokens},
                       kKvBlockTokens);
  return ModelRunner(std::move(model), std::move(backend), *std::move(kv), *std::move(workspace),
                     *std::move(logits), std::move(batches));
}

void ModelRunner::run(const SchedulerOutput& step) {
  const ForwardBatch batch = batches_.build(step);
  workspace_.rewind(0);
  backend_->begin_step();
  for (const ScheduledSequence& scheduled : step.sequences) {
    if (scheduled.copy.to.value < 0) continue;
    for (const KvLayer& layer : kv_.cache().layers) {
      backend_->copy_kv({.layer = layer, .from = scheduled.copy.from, .to = scheduled.copy.to});
    }
  }
  const MutableTensorView logits{
      logits_.bytes().data(), DType::kF32, {batch.logits_rows.size(), model_->config().vocab_size}};
  model_->forward(*backend_, batch, kv_.cache(), workspace_, logits);
  backend_->end_step();
  backend_->synchronize();
}

TensorView ModelRunner::logits(std::size_t first_row, std::size_t rows) {
  const std::size_t vocab_size = model_->config().vocab_size;
  return {logits_.bytes().data() + first_row * vocab_size * sizeof(float),
          DType::kF32,
          {rows, vocab_size}};
}

}  // namespace bora
