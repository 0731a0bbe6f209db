// bora plan: what a model takes of the memory, by what it is for, and what would fit. Reads
// headers.
#include "cli/command.h"
#include "cli/find_model.h"
#include "cli/load.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/plan_table.h"

namespace bora {
namespace {

struct PlanOptions {
  ModelLocation location;
  EngineFlags engine;
  std::size_t parallel = 1;
  bool json = false;
};

constexpr HelpText kHelp = {
    "bora plan [MODEL] [options]",
    "What the model takes of the memory with these options, by what it is for; whether that fits; "
    "the\n"
    "longest context that does; and what other weights would take. Reads headers only, so it is "
    "done\n"
    "at once whatever the size. Exit code 5 where it does not fit.",
    "JSON (--json):\n"
    "  model, architecture, device, isa, threads, stored_weights (the type most are stored in),\n"
    "  weights (as --weights), kv, context, prefill_chunk, sequences, bytes: {weights_mapped,\n"
    "  weights_converted, kv, workspace, logits, scratch, tables}, total_bytes, "
    "memory_limit_bytes,\n"
    "  fits, largest_context (that fits; 0: none), by_weights: [{weights, weight_bytes, "
    "total_bytes,\n"
    "  fits, context, largest_context}, ..], alternatives: [{flags, total_bytes, context}, ..] "
    "(the\n"
    "  least loss first; empty where it fits)"};

FlagTable make_flags(PlanOptions& options) {
  FlagTable flags("plan");
  flags.positional("MODEL",
                   "OWNER/NAME on the Hub, folder with a checkpoint or .gguf file (default: "
                   "SmolLM2-135M-Instruct)",
                   options.location.model);
  add_engine_flags(flags, options.engine);
  flags.whole("--parallel", "sequences computed at a time (default 1)", kPositiveCount,
              options.parallel);
  add_location_flags(flags, options.location);
  flags.group("Output");
  flags.toggle("--json", "one JSON object on stdout", options.json);
  return flags;
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
  Result<LlmOptions> llm = llm_options(options.engine);
  if (!llm) return std::move(llm).error();
  llm->max_sequences = options.parallel;
  Result<std::filesystem::path> model = find_model(options.location);
  if (!model) return std::move(model).error();
  Result<ModelPlan> plan = plan_model(*model, *llm);
  if (!plan) return std::move(plan).error();
  Result<ExitCode> printed = print_all(options.json ? to_line(plan_json(*plan)) : plan_text(*plan));
  if (!printed) return printed;
  return plan->wanted.plan.fits() ? ExitCode::kDone : ExitCode::kDoesNotFit;
}

}  // namespace bora
