#include "api/model_plan.h"

#include "api/model_name.h"
#include "backend/cpu/cpu_backend.h"
#include "model/registry.h"
#include "plan/memory_planner.h"
#include "quantize/codec.h"
#include "quantize/recipe.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <memory>
#include <utility>

namespace bora {
namespace {

constexpr DType kInt8 = DType::kQ8_0;
constexpr DType kInt4 = DType::kQ4_0;

// What is written anew, by where it is stored.
struct Rewritten {
  const std::byte* end;
  DType dtype;
};
using RewrittenByBegin = std::map<const std::byte*, Rewritten>;

RewrittenByBegin rewritten_by(const Recipe& recipe, const Checkpoint& checkpoint) {
  RewrittenByBegin rewritten;
  for (const StoredTensor& tensor : recipe.tensors) {
    const Result<TensorView> view = checkpoint.tensor(tensor.name);
    if (view) rewritten[view->data] = {view->data + view->bytes(), *tensor.dtype};
  }
  return rewritten;
}

// Bytes of a weight that is a stored tensor or some rows of one.
std::uint64_t bytes_in(const RewrittenByBegin& rewritten, const TensorView& weight) {
  const auto next = rewritten.upper_bound(weight.data);
  if (next == rewritten.begin()) return weight.bytes();
  const Rewritten& found = std::prev(next)->second;
  if (weight.data >= found.end) return weight.bytes();
  return TensorView{weight.data, found.dtype, weight.shape}.bytes();
}

// The weights after --weights int8 or int4.
WeightBytes quantized_bytes(const Checkpoint& checkpoint, const Model& stored, DType weights) {
  const RewrittenByBegin rewritten = rewritten_by(make_recipe(checkpoint, weights), checkpoint);
  std::uint64_t matrices = 0;
  std::uint64_t vectors = 0;
  for (const TensorView& weight : stored.weights()) {
    std::uint64_t& bytes = weight.shape.rank() > 1 ? matrices : vectors;
    bytes = add_bytes(bytes, bytes_in(rewritten, weight));
  }
  const std::uint64_t mapped = add_bytes(matrices, vectors) - stored.converted_bytes();
  return {.mapped = mapped,
          .converted = stored.converted_bytes(),
          .copyable = std::min(mapped, matrices)};
}

Result<WeightChoice> choice_of(const Checkpoint& checkpoint, const Model& stored,
                               std::optional<DType> weights) {
  WeightChoice choice{.name = weights_flag(weights), .bytes = {}};
  if (is_quantized(weights)) {
    choice.bytes = quantized_bytes(checkpoint, stored, *weights);
    return choice;
  }
  Result<std::unique_ptr<const Model>> outline = outline_model(checkpoint, weights);
  if (!outline) return std::move(outline).error();
  choice.bytes = weight_bytes_of(**outline);
  return choice;
}

// What there is to choose from, in the order of loss; types that change nothing are left out.
Result<std::vector<WeightChoice>> weight_choices(const Checkpoint& checkpoint,
                                                 const Model& stored) {
  constexpr std::array<std::optional<DType>, 4> kTypes = {std::nullopt, DType::kBF16, kInt8, kInt4};
  std::vector<WeightChoice> choices;
  for (const std::optional<DType>& type : kTypes) {
    Result<WeightChoice> choice = choice_of(checkpoint, stored, type);
    if (!choice) return std::move(choice).error();
    if (choices.empty() || choice->bytes.total() != choices.front().bytes.total()) {
      choices.push_back(*std::move(choice));
    }
  }
  return choices;
}

// A model as it is stored, and everything that its plan follows from.
struct Planned {
  std::unique_ptr<const Model> stored;
  std::optional<Checkpoint> draft_checkpoint;  // that `draft` borrows from
  std::unique_ptr<const Model> draft;          // null: none
  MemoryOptions options;
  WeightChoice wanted;
  std::vector<WeightChoice> choices;
};

Result<void> check_weights(std::optional<DType> weights) {
  if (!is_quantized(weights) || has_codec(*weights)) return {};
  return Error{
      ErrorCode::kUsage,
      fmt::format("weights: expected f32, f16, bf16, q8_0 or q4_0, found {}", info(*weights).name),
      {}};
}

Result<void> add_draft(const LlmOptions& options, Planned& planned) {
  if (options.draft_model.empty()) return {};
  if (Result<void> known = check_weights(options.draft_weights); !known) return known;
  Result<Checkpoint> checkpoint = Checkpoint::open(options.draft_model);
  if (!checkpoint) return std::move(checkpoint).error();
  planned.draft_checkpoint.emplace(*std::move(checkpoint));
  Result<std::unique_ptr<const Model>> stored =
      outline_model(*planned.draft_checkpoint, std::nullopt);
  if (!stored) return std::move(stored).error();
  planned.draft = *std::move(stored);
  Result<WeightChoice> weights =
      choice_of(*planned.draft_checkpoint, *planned.draft, options.draft_weights);
  if (!weights) return std::move(weights).error();
  planned.options.draft = planned.draft.get();
  planned.options.draft_weights = weights->bytes;
  return {};
}

// Whether the weights that stay as they are stored, or are quantized, are blocks.
bool has_blocks(const LlmOptions& options, const Model& stored) {
  if (options.weights) return is_quantized(options.weights);
  return std::ranges::any_of(stored.products(), [](const Product& product) {
    return info(product.dtype).block_values > 1;
  });
}

// When LoadMode::kAuto copies weights.
struct CopyRule {
  std::size_t tokens;    // from so many on
  std::size_t quarters;  // of the memory, at most, for all that the plan counts
};

// A copy takes the time of some six tokens (docs/cli.md#where-weights-lie) and saves a third of
// each where rows come to lie interleaved, else a tenth or less. What it takes is not there for
// the page cache of others.
constexpr CopyRule kInterleavedCopies = {.tokens = 32, .quarters = 3};
constexpr CopyRule kPlainCopies = {.tokens = 200, .quarters = 2};

bool is_worth_copying(const Backend& backend, const LlmOptions& options, const Model& stored,
                      const MemoryPlan& plan) {
  // What is quantized in memory would be there twice.
  if (is_quantized(options.weights) && options.weights_cache.empty()) return false;
  const bool interleaved = options.compute == ComputeType::kAuto && has_blocks(options, stored);
  const CopyRule rule = interleaved ? kInterleavedCopies : kPlainCopies;
  const bool pays = options.expected_tokens >= rule.tokens || backend.nodes() > 1;
  return pays && plan.bytes.total() <= plan.limit / 4 * rule.quarters;
}

// Whether weights are copied, as options.load says.
Result<void> decide_load(const Backend& backend, const LlmOptions& options, Planned& planned) {
  if (options.load == LoadMode::kMap) return {};
  if (options.load == LoadMode::kAuto) {
    const Result<MemoryPlanner> planner =
        MemoryPlanner::create(*planned.stored, backend, planned.options);
    if (!planner) return planner.error();
    const MemoryPlan plan = planner->plan(planner->wanted());
    if (!is_worth_copying(backend, options, *planned.stored, plan)) return {};
  }
  planned.wanted.bytes = planned.wanted.bytes.copy();
  planned.options.weights = planned.wanted.bytes;
  if (planned.options.draft_weights) {
    planned.options.draft_weights = planned.options.draft_weights->copy();
  }
  return {};
}

Result<Planned> prepare(const Checkpoint& checkpoint, const Backend& backend,
                        const LlmOptions& options) {
  if (Result<void> known = check_weights(options.weights); !known) return std::move(known).error();
  Result<std::unique_ptr<const Model>> stored = outline_model(checkpoint, std::nullopt);
  if (!stored) return std::move(stored).error();
  Result<WeightChoice> wanted = choice_of(checkpoint, **stored, options.weights);
  if (!wanted) return std::move(wanted).error();
  Result<std::vector<WeightChoice>> choices = weight_choices(checkpoint, **stored);
  if (!choices) return std::move(choices).error();
  Planned planned{.stored = *std::move(stored),
                  .draft_checkpoint = std::nullopt,
                  .draft = nullptr,
                  .options = {.context_length = options.context_length,
                              .prefill_chunk = options.prefill_chunk,
                              .max_sequences = options.max_sequences,
                              .kv_dtype = options.kv,
                              .compute = options.compute,
                              .memory_limit = options.memory_limit,
                              .weights = wanted->bytes},
                  .wanted = *wanted,
                  .choices = *std::move(choices)};
  if (Result<void> added = add_draft(options, planned); !added) return std::move(added).error();
  Result<void> decided = decide_load(backend, options, planned);
  if (!decided) return std::move(decided).error();
  return planned;
}

std::string threads_from(const LlmOptions& options, const CpuTopology& topology) {
  if (options.threads > 0) return "flag";
  return topology.quota && *topology.quota < topology.cores ? "quota" : "cores";
}

ModelPlan::Row row_of(const MemoryPlanner& planner, const WeightChoice& weights) {
  MemoryChoice choice = planner.wanted();
  choice.weights = weights.bytes;
  return {.weights = weights,
          .plan = planner.plan(choice),
          .largest_context = planner.largest_context(choice)};
}

}  // namespace

std::string weights_flag(std::optional<DType> weights) {
  if (!weights) return "auto";
  return std::string(has_codec(*weights) ? codec_name(*weights) : info(*weights).name);
}

bool is_quantized(std::optional<DType> weights) {
  return weights && info(*weights).block_values > 1;
}

Result<MemoryPlan> plan_checkpoint(const Checkpoint& checkpoint, const Backend& backend,
                                   const LlmOptions& options) {
  Result<Planned> planned = prepare(checkpoint, backend, options);
  if (!planned) return std::move(planned).error();
  return plan_memory(*planned->stored, backend, planned->options, planned->choices);
}

Result<void> check_fits(const std::filesystem::path& model, const LlmOptions& options) {
  Result<Checkpoint> checkpoint = Checkpoint::open(model);
  if (!checkpoint) return std::move(checkpoint).error();
  Result<std::unique_ptr<Backend>> backend = make_cpu_backend(
      {.threads = options.threads, .isa = options.isa, .compute = options.compute});
  if (!backend) return std::move(backend).error();
  const Result<MemoryPlan> plan = plan_checkpoint(*checkpoint, **backend, options);
  if (!plan) return plan.error();
  return {};
}

Result<ModelPlan> plan_model(const std::filesystem::path& model, const LlmOptions& options) {
  Result<Checkpoint> checkpoint = Checkpoint::open(model);
  if (!checkpoint) return std::move(checkpoint).error();
  const CpuTopology topology = cpu_topology();
  Result<std::unique_ptr<Backend>> backend = make_cpu_backend({.threads = options.threads,
                                                               .isa = options.isa,
                                                               .compute = options.compute,
                                                               .topology = topology});
  if (!backend) return std::move(backend).error();
  Result<Planned> planned = prepare(*checkpoint, **backend, options);
  if (!planned) return std::move(planned).error();
  Result<MemoryPlanner> planner =
      MemoryPlanner::create(*planned->stored, **backend, planned->options);
  if (!planner) return std::move(planner).error();

  ModelPlan plan{.name = model_name(model),
                 .architecture = planned->stored->config().architecture,
                 .stored = std::string(planned->stored->weight_type()),
                 .device = std::string((*backend)->device()),
                 .isa = std::string((*backend)->isa()),
                 .threads = (*backend)->threads(),
                 .threads_from = threads_from(options, topology),
                 .topology = topology,
                 .wanted = row_of(*planner, planned->wanted),
                 .by_weights = {},
                 .alternatives = {}};
  const auto same_name = [&](const WeightChoice& c) { return c.name == planned->wanted.name; };
  if (std::ranges::none_of(planned->choices, same_name)) plan.by_weights.push_back(plan.wanted);
  for (const WeightChoice& choice : planned->choices) {
    plan.by_weights.push_back(row_of(*planner, choice));
  }
  if (!plan.wanted.plan.fits()) {
    plan.alternatives = find_alternatives(*planner, planned->choices);
  }
  return plan;
}

}  // namespace bora
