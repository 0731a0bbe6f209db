#include "plan/memory_planner.h"

#include "base/memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace bora {
namespace {

constexpr std::size_t kMaxChunk = 1 << 14;
constexpr std::size_t kMaxSequences = kMaxChunk;             // a step has a token of each
constexpr std::size_t kLogitsBytes = std::size_t{64} << 20;  // at most, beyond the first row
constexpr std::size_t kLeastContext = 512;  // below it a default is refused rather than halved

Result<DType> kv_type(const MemoryOptions& options) {
  if (!options.kv_dtype) {
    return options.compute == ComputeType::kF32 ? DType::kF32 : DType::kF16;
  }
  if (info(*options.kv_dtype).block_values == 1) return *options.kv_dtype;
  return Error{
      ErrorCode::kUsage,
      fmt::format("--kv: expected f32, f16 or bf16, found {}", info(*options.kv_dtype).name),
      {}};
}

Error usage(std::string message) { return {ErrorCode::kUsage, std::move(message), {}}; }

Result<void> check(const Model& model, const MemoryOptions& options) {
  const std::size_t longest = model.config().max_position_embeddings;
  if (options.context_length > longest) {
    return usage(
        fmt::format("--ctx: expected at most {}, the model's max_position_embeddings, found {}",
                    longest, options.context_length));
  }
  if (options.prefill_chunk < 1 || options.prefill_chunk > kMaxChunk) {
    return usage(fmt::format("--prefill-chunk: expected 1 to {}, found {}", kMaxChunk,
                             options.prefill_chunk));
  }
  if (options.max_sequences < 1 || options.max_sequences > kMaxSequences) {
    return usage(fmt::format("sequences: expected 1 to {} at a time, found {}", kMaxSequences,
                             options.max_sequences));
  }
  return {};
}

}  // namespace

Result<MemoryPlanner> MemoryPlanner::create(const Model& model, const Backend& backend,
                                            const MemoryOptions& options) {
  if (Result<void> checked = check(model, options); !checked) return std::move(checked).error();
  Result<DType> kv = kv_type(options);
  if (!kv) return std::move(kv).error();
  const MemoryChoice wanted{.weights = options.weights.value_or(weight_bytes_of(model)),
                            .kv_dtype = *kv,
                            .context_length = options.context_length,
                            .prefill_chunk = options.prefill_chunk,
                            .max_sequences = options.max_sequences,
                            .kv_blocks = options.kv_blocks};
  const std::size_t of_draft = options.draft == nullptr ? 0 : options.draft->owned_bytes();
  const std::uint64_t limit =
      options.memory_limit
          ? *options.memory_limit
          : add_bytes(available_memory(), add_bytes(model.owned_bytes(), of_draft));
  return MemoryPlanner(model, options, backend, wanted, limit);
}

MemoryPlanner::MemoryPlanner(const Model& model, const MemoryOptions& options,
                             const Backend& backend, MemoryChoice wanted, std::uint64_t limit)
    : model_(model), draft_(options.draft), backend_(backend), wanted_(wanted), limit_(limit) {
  if (draft_ != nullptr) draft_weights_ = options.draft_weights.value_or(weight_bytes_of(*draft_));
}

std::size_t MemoryPlanner::blocks_of_one(const MemoryPlan& plan) const {
  return kv_blocks_needed(plan.context_length, model_.kv_shape().sliding_window, plan.chunk,
                          kKvBlockTokens);
}

std::uint64_t MemoryPlanner::bytes_of_blocks(std::size_t blocks, const MemoryPlan& plan) const {
  return kv_bytes(model_.kv_shape(), plan.kv_dtype, blocks, kKvBlockTokens);
}

DraftPlan MemoryPlanner::draft_of(const MemoryPlan& plan) const {
  if (draft_ == nullptr) return {};
  return plan_draft(*draft_, draft_weights_,
                    {.context_length = plan.context_length,
                     .chunk = plan.chunk,
                     .max_sequences = plan.max_sequences,
                     .kv_dtype = plan.kv_dtype});
}

// As MemoryOptions::context_length says of 0.
void MemoryPlanner::choose_context(std::uint64_t left, MemoryPlan& plan) const {
  plan.context_length = std::min(model_.config().usual_context(), kDefaultContext);
  while (plan.context_length / 2 >= kLeastContext &&
         add_bytes(bytes_of_blocks(blocks_of_one(plan), plan), draft_of(plan).kv) > left / 2) {
    plan.context_length /= 2;
  }
}

// As MemoryOptions::kv_blocks says.
void MemoryPlanner::choose_blocks(const MemoryChoice& choice, std::uint64_t left,
                                  MemoryPlan& plan) const {
  const std::size_t of_one = blocks_of_one(plan);
  const std::uint64_t of_half = left / 2 / std::max<std::uint64_t>(bytes_of_blocks(1, plan), 1);
  const std::uint64_t automatic = std::max<std::uint64_t>(
      of_one, std::min<std::uint64_t>(of_half, of_one * plan.max_sequences));
  plan.kv_blocks = choice.kv_blocks == 0 ? automatic : choice.kv_blocks;
  plan.bytes.kv = bytes_of_blocks(plan.kv_blocks, plan);
}

// A bound, not a sum: what the engine's arrays take per block (its tokens, its place in lists and
// in the prefix cache), per token of a step, and per sequence (samplers, tokens, tables).
std::uint64_t MemoryPlanner::table_bytes(const MemoryPlan& plan) const {
  constexpr std::uint64_t kPerBlock = kKvBlockTokens * sizeof(TokenId) + 256;
  constexpr std::uint64_t kPerStepToken = 64;
  constexpr std::uint64_t kPerVocabularyEntry = 24;
  constexpr std::uint64_t kPerPosition = 32;
  constexpr std::uint64_t kPerSequence = 4096;
  const std::uint64_t of_sequence = kPerSequence +
                                    kPerVocabularyEntry * model_.config().vocab_size +
                                    kPerPosition * plan.context_length;
  return add_bytes(multiply_bytes(kPerBlock, plan.kv_blocks),
                   add_bytes(multiply_bytes(kPerStepToken, plan.step_tokens),
                             multiply_bytes(of_sequence, plan.max_sequences)));
}

MemoryPlan MemoryPlanner::plan(const MemoryChoice& choice) const {
  MemoryPlan plan;
  plan.limit = limit_;
  plan.bytes.weights = choice.weights;
  plan.kv_dtype = choice.kv_dtype;
  plan.chunk = choice.prefill_chunk;
  plan.max_sequences = choice.max_sequences;
  plan.context_length = choice.context_length;
  const std::uint64_t weights = add_bytes(choice.weights.total(), draft_weights_.total());
  const std::uint64_t left = limit_ - std::min(limit_, weights);
  if (choice.context_length == 0) choose_context(left, plan);
  plan.chunk = std::min(plan.chunk, plan.context_length);
  choose_blocks(choice, left, plan);
  plan.step_tokens = std::max(plan.chunk, plan.max_sequences);
  plan.draft = draft_of(plan);
  plan.bytes.draft = plan.draft.total();

  plan.workspace_values = model_.workspace_values(plan.step_tokens);
  plan.bytes.workspace = multiply_bytes(plan.workspace_values, sizeof(float));
  const std::size_t row_bytes = model_.config().vocab_size * sizeof(float);
  plan.logits_rows = std::max(std::clamp(kLogitsBytes / row_bytes, std::size_t{1}, plan.chunk),
                              plan.max_sequences);
  plan.bytes.logits = multiply_bytes(plan.logits_rows, row_bytes);
  plan.max_columns = std::max(model_.max_columns(), draft_ == nullptr ? 0 : draft_->max_columns());
  plan.bytes.scratch = backend_.reserve_bytes(plan.step_tokens, plan.max_columns);
  plan.bytes.tables = table_bytes(plan);
  return plan;
}

std::size_t MemoryPlanner::largest_context(MemoryChoice choice) const {
  const auto fits = [&](std::size_t context) {
    choice.context_length = context;
    return plan(choice).fits();
  };
  // More positions never take less, so the last that fits is found by halving.
  std::size_t fitting = 0;
  std::size_t too_long = model_.config().max_position_embeddings + 1;
  while (too_long - fitting > 1) {
    const std::size_t middle = fitting + (too_long - fitting) / 2;
    (fits(middle) ? fitting : too_long) = middle;
  }
  return fitting;
}

}  // namespace bora
