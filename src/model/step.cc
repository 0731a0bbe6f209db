#include "model/step.h"

#include "base/check.h"

#include <fmt/format.h>

namespace bora {

Linear bind_linear(WeightBinder& binder, std::string_view prefix, std::size_t out_features,
                   std::size_t in_features, bool bias) {
  return {.weight = binder.linear(fmt::format("{}.weight", prefix), out_features, in_features),
          .bias = binder.vector_if(bias, fmt::format("{}.bias", prefix), out_features)};
}

MutableTensorView embed(const Step& step, TensorView table, float scale) {
  const MutableTensorView x = step.workspace.take(step.batch.tokens(), table.shape.columns());
  step.backend.embed({.table = table, .ids = step.batch.input_ids, .out = x, .scale = scale});
  return x;
}

MutableTensorView rms_norm(const Step& step, TensorView x, TensorView weight, float epsilon) {
  const MutableTensorView out = step.workspace.take(x.shape.rows(), x.shape.columns());
  step.backend.rms_norm({.x = x, .weight = weight, .epsilon = epsilon, .out = out});
  return out;
}

void add_rms_norm(const Step& step, TensorView x, TensorView weight, float epsilon,
                  MutableTensorView out) {
  step.backend.rms_norm(
      {.x = x, .weight = weight, .epsilon = epsilon, .out = out, .accumulate = true});
}

MutableTensorView apply_linear(const Step& step, const Linear& linear, TensorView x) {
  const MutableTensorView out = step.workspace.take(x.shape.rows(), linear.out_features());
  const Projection projection = {.weight = linear.weight, .bias = linear.bias, .out = out};
  step.backend.linear({.x = x, .projections = {&projection, 1}});
  return out;
}

void add_linear(const Step& step, const Linear& linear, TensorView x, MutableTensorView out) {
  const Projection projection = {
      .weight = linear.weight, .bias = linear.bias, .out = out, .accumulate = true};
  step.backend.linear({.x = x, .projections = {&projection, 1}});
}

MutableTensorView logits_rows_of(const Step& step, TensorView x) {
  const MutableTensorView rows =
      step.workspace.take(step.batch.logits_rows.size(), x.shape.columns());
  // Picking rows of a table by number is what embedding is.
  step.backend.embed({.table = x, .ids = step.batch.logits_rows, .out = rows});
  return rows;
}

void project_logits(const Step& step, TensorView x, TensorView lm_head, MutableTensorView logits) {
  const Projection projection = {.weight = lm_head, .bias = {}, .out = logits};
  step.backend.linear({.x = x, .projections = {&projection, 1}});
}

}  // namespace bora
