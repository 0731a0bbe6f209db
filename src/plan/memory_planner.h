// MemoryPlanner: what a model takes on a backend under a limit, for any choice of what may be
// chosen: type of weights and of keys and values, context, chunk, sequences.
//
// Arithmetic only. Borrows models and backend. Owner: one thread.
#pragma once

#include "base/result.h"
#include "plan/memory_plan.h"

#include <cstddef>
#include <cstdint>

namespace bora {

struct MemoryChoice {
  WeightBytes weights;
  DType kv_dtype = DType::kF16;
  std::size_t context_length = 0;  // these as MemoryOptions has them
  std::size_t prefill_chunk = 0;
  std::size_t max_sequences = 0;
  std::size_t kv_blocks = 0;
};

class MemoryPlanner {
 public:
  // Errors: kUsage, as plan_memory().
  static Result<MemoryPlanner> create(const Model& model, const Backend& backend,
                                      const MemoryOptions& options);

  // What the options ask for.
  [[nodiscard]] const MemoryChoice& wanted() const { return wanted_; }

  // The plan of a choice, whether it fits or not.
  [[nodiscard]] MemoryPlan plan(const MemoryChoice& choice) const;

  // The longest context with which the choice fits; 0: none.
  [[nodiscard]] std::size_t largest_context(MemoryChoice choice) const;

 private:
  MemoryPlanner(const Model& model, const MemoryOptions& options, const Backend& backend,
                MemoryChoice wanted, std::uint64_t limit);

  void choose_context(std::uint64_t left, MemoryPlan& plan) const;
  void choose_blocks(const MemoryChoice& choice, std::uint64_t left, MemoryPlan& plan) const;
  [[nodiscard]] std::size_t blocks_of_one(const MemoryPlan& plan) const;
  [[nodiscard]] std::uint64_t bytes_of_blocks(std::size_t blocks, const MemoryPlan& plan) const;
  [[nodiscard]] DraftPlan draft_of(const MemoryPlan& plan) const;
  [[nodiscard]] std::uint64_t table_bytes(const MemoryPlan& plan) const;

  const Model& model_;
  const Model* draft_;  // null: none
  WeightBytes draft_weights_;
  const Backend& backend_;
  MemoryChoice wanted_;
  std::uint64_t limit_;
};

}  // namespace bora
