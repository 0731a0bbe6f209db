// bora doctor: what this machine has, and what bora makes of it.
#include "base/cpu_topology.h"
#include "base/memory.h"
#include "base/version.h"
#include "cli/command.h"
#include "cli/environment.h"
#include "cli/hub_access.h"
#include "cli/machine.h"
#include "cli/options.h"
#include "cli/output.h"
#include "hub/url.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <unistd.h>

namespace bora {
namespace {

struct DoctorOptions {
  std::string cache_dir;
  std::optional<std::string> isa;
  int threads = 0;
  bool json = false;
};

// What this process knows of the Hub; it is not asked.
struct HubFindings {
  std::string endpoint;
  std::filesystem::path cache;              // empty: nothing says where
  std::optional<std::uint64_t> free_bytes;  // of its disk
  std::string token_from;                   // empty: there is none
  bool offline = false;
};

struct Findings {
  std::string cpu;
  std::vector<std::string> features;
  std::string isa;
  CpuTopology topology;
  int threads = 0;
  std::size_t memory_bytes = 0;
  std::size_t available_bytes = 0;
  double read_bandwidth_gb_s = 0.0;
  double fma_gflops = 0.0;
  double int8_gops = 0.0;
  std::filesystem::path cache;
  bool default_model_present = false;
  HubFindings hub;
  std::vector<std::string> notes;
};

constexpr HelpText kHelp = {
    "bora doctor [options]",
    "Shows the CPU, the instruction set bora chooses on it, memory and its measured bandwidth, "
    "the\n"
    "cache folder, what it knows of the Hub (which is not asked) and what this version does not\n"
    "support. Takes about two seconds.",
    "JSON (--json): version, cpu, features (of those that matter here), isa, cores,\n"
    "  cpus and numa_nodes (that this process may use), cpu_quota (of its control groups, or "
    "null),\n"
    "  threads (default: the cores, within the quota), memory_bytes,\n"
    "  memory_available_bytes (limits of the control group included), read_bandwidth_gb_s,\n"
    "  fma_gflops, int8_gops, gpus ([] in this version), cache_dir, default_model,\n"
    "  default_model_present, hub: {endpoint, cache_dir, free_bytes, token_from (HF_TOKEN, a file\n"
    "  or null; never the token), offline}, notes"};

FlagTable make_flags(DoctorOptions& options) {
  FlagTable flags("doctor");
  flags.text("--isa", "NAME",
             "measure with this instruction set: scalar, avx2, avx512, avx512_bf16, amx",
             options.isa);
  flags.whole("--threads", "measure with N threads (default: the cores this process may use)",
              {1, 1024}, options.threads);
  flags.text("--cache-dir", "DIR",
             "folder of downloaded models (default: BORA_CACHE, ~/.cache/bora)", options.cache_dir);
  flags.toggle("--json", "one JSON object on stdout", options.json);
  return flags;
}

std::size_t memory_bytes() {
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page = sysconf(_SC_PAGESIZE);
  return pages > 0 && page > 0 ? static_cast<std::size_t>(pages) * static_cast<std::size_t>(page)
                               : 0;
}

// Of the disk that holds the folder, or will hold it.
std::optional<std::uint64_t> free_bytes(std::filesystem::path folder) {
  std::error_code error;
  while (folder.has_relative_path() && !std::filesystem::exists(folder, error)) {
    folder = folder.parent_path();
  }
  const std::filesystem::space_info space = std::filesystem::space(folder, error);
  if (error) return std::nullopt;
  return space.available;
}

HubFindings look_at_hub(const std::string& cache_dir) {
  const HubEnvironment environment = hub_environment();
  HubFindings found;
  found.endpoint =
      shown_url(environment.endpoint.empty() ? HubOptions().endpoint : environment.endpoint);
  if (Result<std::filesystem::path> cache = hub_folder(cache_dir)) {
    found.cache = *std::move(cache);
    found.free_bytes = free_bytes(std::filesystem::absolute(found.cache));
  }
  found.token_from = environment.token_from;
  found.offline = environment.offline;
  return found;
}

Result<Findings> look(const DoctorOptions& options) {
  Findings found;
  Result<std::filesystem::path> cache = cache_folder(options.cache_dir);
  if (!cache) return std::move(cache).error();
  found.cache = *cache;
  std::error_code ignored;
  found.default_model_present = std::filesystem::exists(default_model(*cache), ignored);
  found.memory_bytes = memory_bytes();
  found.available_bytes = std::min(available_memory(), found.memory_bytes);
  Result<MachineProbe> probe = MachineProbe::create(options.threads, options.isa);
  if (!probe) return std::move(probe).error();
  found.cpu = cpu_name();
  found.features = cpu_features();
  found.topology = cpu_topology();
  found.isa = probe->isa();
  found.threads = probe->threads();
  found.read_bandwidth_gb_s = probe->read_bandwidth_gb_s();
  found.fma_gflops = probe->fma_gflops();
  found.int8_gops = probe->int8_gops();
  found.hub = look_at_hub(options.cache_dir);
  found.notes = {"GPU: not supported in this version"};
  if (has_amx_withheld()) {
    found.notes.emplace_back("AMX: this CPU has it, but the system withholds it from this process");
  }
  if (!found.default_model_present) {
    found.notes.emplace_back(
        "default model: not fetched; make run, or tools/fetch_default_model.sh");
  }
  return found;
}

Json to_json(const HubFindings& found) {
  Json json{{"endpoint", found.endpoint},
            {"cache_dir", found.cache.string()},
            {"free_bytes", nullptr},
            {"token_from", nullptr},
            {"offline", found.offline}};
  if (found.free_bytes) json["free_bytes"] = *found.free_bytes;
  if (!found.token_from.empty()) json["token_from"] = found.token_from;
  return json;
}

Json to_json(const Findings& found) {
  return Json{{"version", std::string(version())},
              {"cpu", found.cpu},
              {"features", found.features},
              {"isa", found.isa},
              {"cores", found.topology.cores},
              {"cpus", found.topology.cpus},
              {"numa_nodes", found.topology.node_count()},
              {"cpu_quota", found.topology.quota ? Json(*found.topology.quota) : Json(nullptr)},
              {"threads", found.threads},
              {"memory_bytes", found.memory_bytes},
              {"memory_available_bytes", found.available_bytes},
              {"read_bandwidth_gb_s", finite(found.read_bandwidth_gb_s)},
              {"fma_gflops", finite(found.fma_gflops)},
              {"int8_gops", finite(found.int8_gops)},
              {"gpus", Json::array()},
              {"cache_dir", found.cache.string()},
              {"default_model", default_model(found.cache).string()},
              {"default_model_present", found.default_model_present},
              {"hub", to_json(found.hub)},
              {"notes", found.notes}};
}

std::string to_text(const HubFindings& found) {
  const std::string free = found.free_bytes ? ", " + size_text(*found.free_bytes) + " free" : "";
  return fmt::format("hub       {}{}\nhub cache {}{}\ntoken     {}\n", found.endpoint,
                     found.offline ? ", not asked (HF_HUB_OFFLINE)" : "",
                     found.cache.empty() ? "nowhere (HF_HOME is not set)" : found.cache.string(),
                     free, found.token_from.empty() ? "none" : "from " + found.token_from);
}

std::string to_text(const Findings& found) {
  constexpr double kGb = 1e-9;
  std::string text = fmt::format(
      "bora      {} ({})\n"
      "cpu       {}\n"
      "features  {}\n"
      "cores     {}\n"
      "kernels   {}, {} threads\n"
      "memory    {:.1f} GB, {:.1f} GB available to this process\n"
      "measured  reads {:.1f} GB/s, {:.0f} GFLOP/s f32, {:.0f} Gop/s int8\n"
      "cache     {}\n"
      "default   {}{}\n",
      version(), git_commit(), found.cpu, fmt::join(found.features, " "), describe(found.topology),
      found.isa, found.threads, static_cast<double>(found.memory_bytes) * kGb,
      static_cast<double>(found.available_bytes) * kGb, found.read_bandwidth_gb_s, found.fma_gflops,
      found.int8_gops, found.cache.string(), default_model(found.cache).filename().string(),
      found.default_model_present ? "" : " (not there)");
  text += to_text(found.hub);
  for (const std::string& note : found.notes) text += fmt::format("note      {}\n", note);
  return text;
}

}  // namespace

FlagTable doctor_flags() {
  static DoctorOptions options;
  return make_flags(options);
}

Result<ExitCode> doctor_command(Arguments arguments) {
  DoctorOptions options;
  FlagTable flags = make_flags(options);
  Result<bool> parsed = parse_arguments(flags, kHelp, arguments);
  if (!parsed) return std::move(parsed).error();
  if (!*parsed) return ExitCode::kDone;
  Result<Findings> found = look(options);
  if (!found) return std::move(found).error();
  return print_all(options.json ? to_line(to_json(*found)) : to_text(*found));
}

}  // namespace bora
