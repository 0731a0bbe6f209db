#include "plan/memory_plan.h"

#include "plan/alternatives.h"
#include "plan/memory_planner.h"

#include <fmt/format.h>

#include <utility>

namespace bora {

std::uint64_t MemoryBytes::activations() const {
  return add_bytes(add_bytes(workspace, logits), add_bytes(scratch, tables));
}

std::uint64_t MemoryBytes::total() const {
  return add_bytes(add_bytes(weights.total(), kv), add_bytes(activations(), draft));
}

bool MemoryPlan::fits() const {
  const std::uint64_t total = bytes.total();
  return total != kUncountable && total <= limit;
}

namespace {

Error does_not_fit(const MemoryPlanner& planner, std::span<const WeightChoice> choices) {
  const MemoryPlan plan = planner.plan(planner.wanted());
  Error error{
      ErrorCode::kDoesNotFit,
      fmt::format("memory: expected at most {}, found {} needed (weights {}, KV cache of {} "
                  "positions {}, activations {}{})",
                  format_bytes(plan.limit), format_bytes(plan.bytes.total()),
                  format_bytes(plan.bytes.weights.total()), plan.context_length,
                  format_bytes(plan.bytes.kv), format_bytes(plan.bytes.activations()),
                  plan.bytes.draft == 0
                      ? ""
                      : fmt::format(", draft model {}", format_bytes(plan.bytes.draft))),
      {}};
  for (const Alternative& alternative : find_alternatives(planner, choices)) {
    error.hints.push_back(fmt::format("{} fits: {}", alternative.flags,
                                      format_bytes(alternative.plan.bytes.total())));
  }
  if (error.hints.empty()) {
    const Alternative smallest = smallest_alternative(planner, choices);
    error.hints.push_back(fmt::format("nothing smaller fits: {}{}even so needs {}", smallest.flags,
                                      smallest.flags.empty() ? "" : " ",
                                      format_bytes(smallest.plan.bytes.total())));
  }
  return error;
}

// What there is to gain by doing without it.
void add_hint_without_draft(const Model& model, const Backend& backend, MemoryOptions options,
                            Error& error) {
  options.draft = nullptr;
  const Result<MemoryPlanner> planner = MemoryPlanner::create(model, backend, options);
  if (!planner) return;
  const MemoryPlan plan = planner->plan(planner->wanted());
  if (!plan.fits()) return;
  error.hints.insert(error.hints.begin(), fmt::format("without the draft model it fits: {}",
                                                      format_bytes(plan.bytes.total())));
}

}  // namespace

Result<MemoryPlan> plan_memory(const Model& model, const Backend& backend,
                               const MemoryOptions& options,
                               std::span<const WeightChoice> choices) {
  Result<MemoryPlanner> planner = MemoryPlanner::create(model, backend, options);
  if (!planner) return std::move(planner).error();
  MemoryPlan plan = planner->plan(planner->wanted());
  if (plan.fits()) return plan;
  Error error = does_not_fit(*planner, choices);
  if (options.draft != nullptr) add_hint_without_draft(model, backend, options, error);
  return error;
}

}  // namespace bora
