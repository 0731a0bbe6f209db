// Step: what every block of a forward pass needs, and the smallest blocks: embedding, norm, linear,
// the choice of rows, logits. Shapes as in backend.h; activations live in the step's workspace.
// Blocks called on no rows do not exist: an architecture stops before (see keep_logits_rows).
#pragma once

#include "backend/backend.h"
#include "model/forward_batch.h"
#include "model/kv_cache.h"
#include "model/weight_binder.h"
#include "model/workspace.h"
#include "tensor/tensor_view.h"

#include <cstddef>
#include <string_view>

namespace bora {

struct Step {
  Backend& backend;
  const ForwardBatch& batch;
  const KvCache& cache;
  Workspace& workspace;
  std::size_t context_length;  // Model::context_length()
};

// y = x weight^T + bias, as a checkpoint names it: PREFIX.weight, PREFIX.bias.
struct Linear {
  TensorView weight;  // [out_features, in_features]
  TensorView bias;    // [out_features]; empty: none

  [[nodiscard]] std::size_t out_features() const { return weight.shape[0]; }
};

Linear bind_linear(WeightBinder& binder, std::string_view prefix, std::size_t out_features,
                   std::size_t in_features, bool bias);

// The embeddings of the batch's tokens, times `scale`: [T, H].
MutableTensorView embed(const Step& step, TensorView table, float scale = 1.0F);

// A new [T, H].
MutableTensorView rms_norm(const Step& step, TensorView x, TensorView weight, float epsilon);

// out [T, H] += rms_norm(x).
void add_rms_norm(const Step& step, TensorView x, TensorView weight, float epsilon,
                  MutableTensorView out);

// x weight^T + bias: a new [T, out_features].
MutableTensorView apply_linear(const Step& step, const Linear& linear, TensorView x);

// out += x weight^T + bias: the end of a residual branch.
void add_linear(const Step& step, const Linear& linear, TensorView x, MutableTensorView out);

// The rows of x [T, columns] that the batch wants logits of: a new [R, columns]. R must not be 0.
MutableTensorView logits_rows_of(const Step& step, TensorView x);

// logits [R, vocab] = x lm_head^T.
void project_logits(const Step& step, TensorView x, TensorView lm_head, MutableTensorView logits);

}  // namespace bora
