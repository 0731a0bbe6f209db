// bora rm: takes a model out of the Hub's cache.
#include "api/local_models.h"
#include "cli/command.h"
#include "cli/environment.h"
#include "cli/hub_access.h"
#include "cli/output.h"
#include "hub/remove.h"

#include <fmt/format.h>

namespace bora {
namespace {

struct Options {
  std::string model;
  std::string cache_dir;
  bool json = false;
};

constexpr HelpText kHelp = {
    "bora rm OWNER/NAME[@REVISION][:FILE.gguf] [options]",
    "Removes a model from the cache of Hugging Face's tools: all of it, one revision, or one file. "
    "What\n"
    "other revisions use as well stays. Weights that were quantized from it go, too.",
    "JSON (--json): {\"model\", \"freed_bytes\", \"files\" (how many went)}"};

FlagTable make_flags(Options& options) {
  FlagTable flags("rm");
  flags.positional("MODEL", "OWNER/NAME, as bora list shows it", options.model, true);
  flags.text("--cache-dir", "DIR", "the cache is DIR/hub (default: HF_HUB_CACHE, HF_HOME/hub)",
             options.cache_dir);
  flags.toggle("--json", "one JSON object on stdout", options.json);
  return flags;
}

void add(Removed& sum, const Removed& more) {
  sum.bytes += more.bytes;
  sum.files += more.files;
}

// Also what lies in bora's own folder: weights that were quantized from what goes, headers, and
// what --discard-original left.
Result<Removed> remove_with_own(const std::filesystem::path& cache,
                                const std::filesystem::path& own, const ModelRef& ref,
                                RemoveOptions how) {
  const std::vector<QuantizedWeights> quantized =
      quantized_weights(RepoCache(cache, ref.repo).folder(), quantized_folder(own));
  Result<Removed> removed = remove_cached(cache, ref, how);
  how.beside = true;
  const Result<Removed> more = remove_cached(outline_folder(own), ref, how);
  if (!removed) return more ? more : removed;
  if (more) add(*removed, *more);
  for (const QuantizedWeights& weights : quantized) {
    std::error_code ignored;
    if (!std::filesystem::exists(weights.model, ignored)) {
      add(*removed, remove_folder(weights.folder));
    }
  }
  return removed;
}

}  // namespace

FlagTable rm_flags() {
  static Options options;
  return make_flags(options);
}

Result<ExitCode> rm_command(Arguments arguments) {
  Options options;
  FlagTable flags = make_flags(options);
  Result<bool> parsed = parse_arguments(flags, kHelp, arguments);
  if (!parsed) return std::move(parsed).error();
  if (!*parsed) return ExitCode::kDone;
  Result<ModelRef> ref = hub_model(options.model);
  if (!ref) {
    Error error = std::move(ref).error();
    error.hints.emplace_back("a folder or file of your own is removed with rm");
    return error;
  }
  Result<std::filesystem::path> cache = hub_folder(options.cache_dir);
  if (!cache) return std::move(cache).error();
  RemoveOptions how;
  how.all_revisions = options.model.find('@') == std::string::npos;
  const Result<std::filesystem::path> own = cache_folder(options.cache_dir);
  Result<Removed> removed =
      own ? remove_with_own(*cache, *own, *ref, how) : remove_cached(*cache, *ref, how);
  if (!removed) return std::move(removed).error();
  if (options.json) {
    return print_all(to_line(
        Json{{"model", ref->text()}, {"freed_bytes", removed->bytes}, {"files", removed->files}}));
  }
  print_note(fmt::format("{}: {} freed\n", ref->text(), size_text(removed->bytes)));
  return ExitCode::kDone;
}

}  // namespace bora
