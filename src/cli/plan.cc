// bora plan: what a model takes of the memory, by what it is for, and what would fit. Reads
// headers.
#include "base/memory.h"
#include "cli/command.h"
#include "cli/find_model.h"
#include "cli/hub_access.h"
#include "cli/load.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/plan_table.h"
#include "cli/progress.h"

#include <fmt/format.h>

namespace bora {
namespace {

struct PlanOptions {
  ModelLocation location;
  EngineFlags engine;
  SpeculateFlags speculate;
  std::size_t parallel = 1;
  std::vector<std::string> include;
  std::vector<std::string> exclude;
  bool json = false;
};

constexpr HelpText kHelp = {
    "bora plan [MODEL] [options]",
    "What the model takes of the memory with these options, by what it is for; whether that fits; "
    "the\n"
    "longest context that does; and what other weights would take. Reads headers only, so it is "
    "done\n"
    "at once whatever the size; of a model on the Hub that is not here it downloads the headers "
    "alone\n"
    "(about 100 kB; of a GGUF file, whose header has the vocabulary, some MB). Exit code 5 where "
    "it "
    "does\n"
    "not fit.",
    "JSON (--json):\n"
    "  model, architecture, device, isa, threads, threads_from (flag, cores or quota), cores, "
    "cpus,\n"
    "  numa_nodes, cpu_quota, load (map or copy), stored_weights (the type most are stored in),\n"
    "  weights (as --weights), kv, context, prefill_chunk, sequences, bytes: {weights_mapped,\n"
    "  weights_converted, weights_copied, kv, workspace, logits, scratch, tables, draft},\n"
    "  total_bytes, memory_limit_bytes,\n"
    "  fits, largest_context (that fits; 0: none), by_weights: [{weights, weight_bytes, "
    "total_bytes,\n"
    "  fits, context, largest_context}, ..], alternatives: [{flags, total_bytes, context}, ..] "
    "(the\n"
    "  least loss first; empty where it fits), remote: null where the model is here, else "
    "{fetched_bytes,\n"
    "  bytes} (of headers that came now; of all its files)"};

FlagTable make_flags(PlanOptions& options) {
  FlagTable flags("plan");
  flags.positional("MODEL",
                   "OWNER/NAME on the Hub, folder with a checkpoint or .gguf file (default: "
                   "SmolLM2-135M-Instruct)",
                   options.location.model);
  add_engine_flags(flags, options.engine);
  flags.whole("--parallel", "sequences computed at a time (default 1)", kPositiveCount,
              options.parallel);
  add_draft_model_flags(flags, options.speculate);
  add_location_flags(flags, options.location);
  flags.texts("--include", "PATTERN", "of the Hub's files only those that match, as bora pull",
              options.include);
  flags.texts("--exclude", "PATTERN", "none of the Hub's files that match", options.exclude);
  flags.group("Output");
  flags.toggle("--json", "one JSON object on stdout", options.json);
  return flags;
}

// As add_draft_model(), of the draft model's headers.
Result<void> add_draft(const PlanOptions& options, LlmOptions& llm, ProgressLine& progress) {
  const auto find = [&](const ModelLocation& of_draft,
                        const LlmOptions& alone) -> Result<std::filesystem::path> {
    ChoiceOptions choice;
    choice.memory = alone.memory_limit.value_or(available_memory());
    Result<FoundOutline> found = find_outline(of_draft, choice, progress);
    if (!found) return std::move(found).error();
    return std::move(found->model);
  };
  return add_draft_model(options.speculate, options.location, llm, find);
}

Json to_json(const ModelPlan& plan, const FoundOutline& found) {
  Json json = plan_json(plan);
  json["remote"] =
      found.remote ? Json{{"fetched_bytes", found.fetched}, {"bytes", found.bytes}} : Json(nullptr);
  return json;
}

std::string remote_text(const FoundOutline& found) {
  if (!found.remote) return {};
  return fmt::format("\non the Hub: {} to download; {} of headers fetched for this plan\n",
                     size_text(found.bytes), size_text(found.fetched));
}

}  // namespace

FlagTable plan_flags() {
  static PlanOptions options;
  return make_flags(options);
}

Result<ExitCode> plan_command(Arguments arguments) {
  PlanOptions options;
  FlagTable flags = make_flags(options);
  Result<bool> parsed = parse_arguments(flags, kHelp, arguments);
  if (!parsed) return std::move(parsed).error();
  if (!*parsed) return ExitCode::kDone;
  if (Result<void> checked = check(options.speculate); !checked) return std::move(checked).error();
  Result<LlmOptions> llm = llm_options(options.engine);
  if (!llm) return std::move(llm).error();
  llm->max_sequences = options.parallel;
  llm->expected_tokens = kUsualNewTokens;
  ProgressLine progress(options.json);
  ChoiceOptions choice;
  choice.include = options.include;
  choice.exclude = options.exclude;
  choice.memory = llm->memory_limit.value_or(available_memory());
  Result<FoundOutline> found = find_outline(options.location, choice, progress);
  const Result<void> draft = found ? add_draft(options, *llm, progress) : Result<void>();
  progress.stop();
  if (!found) return std::move(found).error();
  if (!draft) return draft.error();
  Result<ModelPlan> plan = plan_model(found->model, *llm);
  if (!plan) return std::move(plan).error();
  Result<ExitCode> printed = print_all(options.json ? to_line(to_json(*plan, *found))
                                                    : plan_text(*plan) + remote_text(*found));
  if (!printed) return printed;
  return plan->wanted.plan.fits() ? ExitCode::kDone : ExitCode::kDoesNotFit;
}

}  // namespace bora
