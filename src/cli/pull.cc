// bora pull: a model of the Hub into the cache, with progress, resumed and verified.
#include "api/model_plan.h"
#include "base/memory.h"
#include "cli/command.h"
#include "cli/environment.h"
#include "cli/hub_model.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "model/registry.h"
#include "quantize/quantize.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <limits>

namespace bora {
namespace {

constexpr std::array kWeights = {Choice{"auto"}, Choice{"int8"}, Choice{"int4"}};

struct Options {
  ModelLocation location;
  std::string weights = "auto";
  std::vector<std::string> include;
  std::vector<std::string> exclude;
  std::size_t connections = 8;
  std::optional<std::size_t> chunk;
  int retries = 5;
  ReportFlags report;
};

constexpr HelpText kHelp = {
    "bora pull OWNER/NAME[@REVISION][:FILE.gguf] [options]",
    "Downloads a model of the Hub into the cache that Hugging Face's tools use, and prints the "
    "path "
    "to\n"
    "it: configuration, tokenizer and safetensors; of a GGUF repository the file named (or a type, "
    "as\n"
    ":Q4_K_M), else the largest that fits into memory. Every file is verified; a download that "
    "was\n"
    "broken off goes on where it was. What is there already is not fetched again.",
    "JSON (--json): {\"model\", \"revision\" (the commit), \"path\", \"bytes\", "
    "\"fetched_bytes\",\n"
    "  \"weights\" (null, or int8 or int4 that were made), \"discarded\" (the original), "
    "\"files\":\n"
    "  [{\"name\", \"bytes\", \"etag\"}, ..]}; etag: the SHA-256, or the SHA-1 of the git blob"};

FlagTable make_flags(Options& options) {
  FlagTable flags("pull");
  flags.positional("MODEL", "OWNER/NAME on the Hub", options.location.model, true);
  flags.texts("--include", "PATTERN", "only files whose name matches; may be given several times",
              options.include);
  flags.texts("--exclude", "PATTERN", "no files whose name matches", options.exclude);
  flags.choice("--weights",
               "as stored (auto), or made as it comes, for runs with the same --weights", kWeights,
               options.weights);
  add_discard_flag(flags, options.location);
  flags.whole("--connections", "at a time (default 8)", {1, 64}, options.connections);
  flags.bytes("--chunk", "of a file asked for at a time, as 16M (the default)", options.chunk);
  flags.whole("--retries", "after a failure, N in a row (default 5)", {0, 100}, options.retries);
  flags.text("--cache-dir", "DIR", "download to DIR/hub (default: HF_HUB_CACHE, HF_HOME/hub)",
             options.location.cache_dir);
  flags.text("--token", "TOKEN", "for the Hub (better: bora login, or HF_TOKEN)",
             options.location.token);
  add_report_flags(flags, options.report);
  return flags;
}

// What was asked for, and what came of it.
struct Outcome {
  ModelRef ref;
  std::optional<DType> weights;  // that were made of it
  bool discarded = false;
  Pulled pulled;
  double seconds = 0.0;
};

Json to_json(const Outcome& outcome) {
  const Pulled& pulled = outcome.pulled;
  Json files = Json::array();
  for (const RemoteFile& file : pulled.files) {
    files.push_back(Json{{"name", file.name}, {"bytes", file.bytes}, {"etag", file.etag}});
  }
  return Json{{"model", outcome.ref.text()},
              {"revision", pulled.commit},
              {"path", pulled.model.string()},
              {"bytes", pulled.bytes},
              {"fetched_bytes", pulled.fetched},
              {"weights", outcome.weights ? Json(weights_flag(outcome.weights)) : Json(nullptr)},
              {"discarded", outcome.discarded},
              {"files", std::move(files)}};
}

void report(const Outcome& outcome) {
  const Pulled& pulled = outcome.pulled;
  std::string text = fmt::format("{} at {:.12}: {} files, {}", outcome.ref.text(), pulled.commit,
                                 pulled.files.size(), size_text(pulled.bytes));
  if (pulled.fetched == 0) {
    text += ", nothing to fetch";
  } else {
    text +=
        fmt::format(", {} fetched in {} ({:.1f} MB/s)", size_text(pulled.fetched),
                    duration_text(outcome.seconds),
                    static_cast<double>(pulled.fetched) * 1e-6 / std::max(outcome.seconds, 1e-3));
  }
  text += ", all verified";
  if (outcome.weights) {
    text += fmt::format("; run it with --weights {}", weights_flag(outcome.weights));
    if (outcome.discarded) text += ", the original is not kept";
  }
  print_note(text + "\n");
}

Result<PullOptions> pull_options(const Options& options) {
  if (hub_environment().offline) {
    return Error{
        ErrorCode::kUsage, "HF_HUB_OFFLINE: expected it unset for a download, found 1", {}};
  }
  if (options.location.discard_original && options.weights == "auto") {
    return Error{ErrorCode::kUsage,
                 "--discard-original: expected --weights int8 or int4 with it, found another type",
                 {}};
  }
  PullOptions how;
  how.choice.include = options.include;
  how.choice.exclude = options.exclude;
  how.choice.memory = available_memory();
  how.connections = options.connections;
  if (options.chunk) how.chunk_bytes = std::max<std::uint64_t>(*options.chunk / 64, 1) * 64;
  return how;
}

// The weights of a model that is here; none are made where they are there already.
Result<void> quantize_here(const Options& options, const Pulled& pulled, DType weights,
                           ProgressLine& progress) {
  Result<std::filesystem::path> cache = cache_folder(options.location.cache_dir);
  if (!cache) return std::move(cache).error();
  Result<Checkpoint> checkpoint = Checkpoint::open(pulled.model);
  if (!checkpoint) return std::move(checkpoint).error();
  QuantizeOptions how;
  how.weights = weights;
  how.cache = quantized_folder(*cache);
  how.on_progress = [&](const QuantizeProgress& step) { progress.show(step); };
  how.on_note = [&](std::string_view line) { progress.note(line); };
  how.interrupted = &interrupt_flag();
  Result<Checkpoint> made = quantize_checkpoint(*std::move(checkpoint), how);
  if (!made) return std::move(made).error();
  return {};
}

Result<Pulled> pull_quantized(const Options& options, HubModel& model, DType weights,
                              ProgressLine& progress) {
  const Selection& selection = model.selection();
  if (options.location.discard_original) {
    if (std::optional<std::filesystem::path> found = model.find_discarded(weights)) {
      return Pulled{.model = *found,
                    .folder = {},
                    .commit = selection.commit,
                    .files = selection.files,
                    .bytes = selection.bytes};
    }
  } else if (model.find_cached()) {
    Result<Pulled> pulled = model.fetch(progress);  // what is not needed to run it
    if (!pulled) return pulled;
    if (auto made = quantize_here(options, *pulled, weights, progress); !made) {
      return std::move(made).error();
    }
    return pulled;
  }
  const Result<Outline> outline = model.outline();
  if (!outline) return outline.error();
  // What cannot be run is refused; what does not fit may be meant for another machine.
  LlmOptions to_run;
  to_run.weights = weights;
  to_run.memory_limit = std::numeric_limits<std::size_t>::max();
  if (Result<void> runs = check_fits(outline->model, to_run); !runs) {
    return std::move(runs).error();
  }
  return model.fetch_quantized(*outline, weights, 0, progress);
}

Result<Outcome> pull_model(const Options& options) {
  Result<ModelRef> ref = hub_model(options.location.model);
  if (!ref) return std::move(ref).error();
  Result<PullOptions> how = pull_options(options);
  if (!how) return std::move(how).error();
  const auto begin = std::chrono::steady_clock::now();
  Result<HubModel> model = HubModel::create(options.location, *ref, *std::move(how));
  if (!model) return std::move(model).error();
  ProgressLine progress(options.report.quiet || options.report.json);
  if (Result<void> selected = model->select(progress, options.retries + 1); !selected) {
    return std::move(selected).error();
  }
  Outcome outcome;
  outcome.ref = *ref;
  outcome.discarded = options.location.discard_original;
  Result<std::optional<DType>> weights = parse_weight_type(options.weights);
  if (!weights) return std::move(weights).error();
  outcome.weights = *weights;
  Result<Pulled> pulled = outcome.weights
                              ? pull_quantized(options, *model, *outcome.weights, progress)
                              : model->fetch(progress);
  if (!pulled) return std::move(pulled).error();
  outcome.pulled = *std::move(pulled);
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return outcome;
}

}  // namespace

FlagTable pull_flags() {
  static Options options;
  return make_flags(options);
}

Result<ExitCode> pull_command(Arguments arguments) {
  Options options;
  FlagTable flags = make_flags(options);
  Result<bool> parsed = parse_arguments(flags, kHelp, arguments);
  if (!parsed) return std::move(parsed).error();
  if (!*parsed) return ExitCode::kDone;
  Result<Outcome> outcome = pull_model(options);
  if (!outcome) return std::move(outcome).error();
  if (options.report.json) return print_all(to_line(to_json(*outcome)));
  if (!options.report.quiet) report(*outcome);
  return print_all(outcome->pulled.model.string() + "\n");
}

}  // namespace bora
