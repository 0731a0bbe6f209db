// bora pull: a model of the Hub into the cache, with progress, resumed and verified.
#include "base/memory.h"
#include "cli/command.h"
#include "cli/hub_access.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/progress.h"

#include <fmt/format.h>

#include <chrono>

namespace bora {
namespace {

struct Options {
  std::string model;
  std::string cache_dir;
  std::string token;
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
    "  \"files\": [{\"name\", \"bytes\", \"etag\"}, ..]}; etag: the SHA-256, or the SHA-1 of the "
    "git "
    "blob"};

FlagTable make_flags(Options& options) {
  FlagTable flags("pull");
  flags.positional("MODEL", "OWNER/NAME on the Hub", options.model, true);
  flags.texts("--include", "PATTERN", "only files whose name matches; may be given several times",
              options.include);
  flags.texts("--exclude", "PATTERN", "no files whose name matches", options.exclude);
  flags.whole("--connections", "at a time (default 8)", {1, 64}, options.connections);
  flags.bytes("--chunk", "of a file asked for at a time, as 16M (the default)", options.chunk);
  flags.whole("--retries", "after a failure, N in a row (default 5)", {0, 100}, options.retries);
  flags.text("--cache-dir", "DIR", "download to DIR/hub (default: HF_HUB_CACHE, HF_HOME/hub)",
             options.cache_dir);
  flags.text("--token", "TOKEN", "for the Hub (better: bora login, or HF_TOKEN)", options.token);
  add_report_flags(flags, options.report);
  return flags;
}

Json to_json(const ModelRef& ref, const Pulled& pulled) {
  Json files = Json::array();
  for (const RemoteFile& file : pulled.files) {
    files.push_back(Json{{"name", file.name}, {"bytes", file.bytes}, {"etag", file.etag}});
  }
  return Json{
      {"model", ref.text()},   {"revision", pulled.commit},       {"path", pulled.model.string()},
      {"bytes", pulled.bytes}, {"fetched_bytes", pulled.fetched}, {"files", std::move(files)}};
}

void report(const ModelRef& ref, const Pulled& pulled, double seconds) {
  std::string text = fmt::format("{} at {:.12}: {} files, {}", ref.text(), pulled.commit,
                                 pulled.files.size(), size_text(pulled.bytes));
  if (pulled.fetched == 0) {
    text += ", nothing to fetch";
  } else {
    text += fmt::format(", {} fetched in {} ({:.1f} MB/s)", size_text(pulled.fetched),
                        duration_text(seconds),
                        static_cast<double>(pulled.fetched) * 1e-6 / std::max(seconds, 1e-3));
  }
  print_note(text + ", all verified\n");
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
  Result<ModelRef> ref = hub_model(options.model);
  if (!ref) return std::move(ref).error();
  PullOptions how;
  Result<std::filesystem::path> cache = hub_folder(options.cache_dir);
  if (!cache) return std::move(cache).error();
  how.cache = *std::move(cache);
  how.choice.include = options.include;
  how.choice.exclude = options.exclude;
  how.choice.memory = available_memory();
  how.connections = options.connections;
  if (options.chunk) how.chunk_bytes = std::max<std::uint64_t>(*options.chunk / 64, 1) * 64;
  const HubEnvironment environment = hub_environment();
  if (environment.offline) {
    return Error{
        ErrorCode::kUsage, "HF_HUB_OFFLINE: expected it unset for a download, found 1", {}};
  }
  Result<HubAccess> hub =
      HubAccess::open(environment, {.token = options.token, .attempts = options.retries + 1});
  if (!hub) return std::move(hub).error();
  const auto begin = std::chrono::steady_clock::now();
  ProgressLine progress(options.report.quiet || options.report.json);
  Result<Selection> selection = select_model(hub->session(), *ref, how, progress);
  if (!selection) return std::move(selection).error();
  Result<Pulled> pulled = fetch_model(hub->session(), *selection, std::move(how), progress);
  progress.stop();
  if (!pulled) return std::move(pulled).error();
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  if (options.report.json) return print_all(to_line(to_json(*ref, *pulled)));
  if (!options.report.quiet) report(*ref, *pulled, taken.count());
  return print_all(pulled->model.string() + "\n");
}

}  // namespace bora
