// bora verify: compare with values that other programs recorded.
#include "evaluate/verify.h"

#include "cli/command.h"
#include "cli/find_model.h"
#include "cli/interrupt.h"
#include "cli/load.h"
#include "cli/options.h"
#include "cli/output.h"

#include <fmt/format.h>

namespace bora {
namespace {

struct VerifyFlags {
  ModelLocation location;
  std::string golden;
  VerifyOptions verify;
  EngineFlags engine;
  bool json = false;
};

constexpr HelpText kHelp = {
    "bora verify [MODEL] --golden FILE [options]",
    "Compares logits, greedy ids, token ids or rendered templates with a golden file. Kinds by "
    "their\n"
    "key: logits_last, prompts, encode, templates (which needs no MODEL). What differs is listed "
    "on\n"
    "stderr; not passed: exit code 1.",
    "JSON (--json): checked, failed (comparisons), max_abs_logit_error, top1_agreement,\n"
    "  greedy_match, passed"};

FlagTable make_flags(VerifyFlags& options) {
  FlagTable flags("verify");
  flags.positional("MODEL",
                   "OWNER/NAME on the Hub, folder with a checkpoint or .gguf file (default: "
                   "SmolLM2-135M-Instruct)",
                   options.location.model);
  flags.group("What to compare");
  flags.text("--golden", "FILE", "the recorded values", options.golden);
  flags.real("--tolerance", "largest error of a logit (default 0.002)", {0.0, 1e6},
             options.verify.tolerance);
  options.engine.compute = "f32";  // recorded values are float32 arithmetic
  add_engine_flags(flags, options.engine);
  add_location_flags(flags, options.location);
  flags.group("Output");
  flags.toggle("--json", "one JSON object on stdout", options.json);
  return flags;
}

Result<VerifyReport> verify(const Golden& golden, const VerifyFlags& options) {
  if (golden.kind() == Golden::Kind::kTemplates) return verify_templates(golden);
  Result<std::filesystem::path> model = find_model(options.location);
  if (!model) return std::move(model).error();
  if (golden.kind() == Golden::Kind::kTokens) {
    Result<Tokenizer> tokenizer = Tokenizer::load(*model);
    if (!tokenizer) return std::move(tokenizer).error();
    return verify_tokenizer(golden, *tokenizer);
  }
  Result<LlmOptions> llm_flags = llm_options(options.engine);
  if (!llm_flags) return std::move(llm_flags).error();
  ProgressLine progress(options.json);
  Result<Llm> llm = open_model(options.location, *std::move(llm_flags), progress);
  progress.stop();
  if (!llm) return std::move(llm).error();
  return verify_model(golden, llm->engine(), llm->tokenizer(), options.verify);
}

std::string to_text(const VerifyReport& report, bool ran_model) {
  std::string text =
      fmt::format("{}: {} of {} comparisons failed\n", report.passed() ? "passed" : "not passed",
                  report.failed, report.checked);
  if (!ran_model) return text;
  return text + fmt::format("max logit error {:.3g}, top-1 agreement {:.4f}, greedy ids {}\n",
                            report.max_abs_logit_error, report.top1_agreement,
                            report.greedy_match ? "equal" : "differ");
}

std::string to_json_line(const VerifyReport& report) {
  return to_line(Json{{"checked", report.checked},
                      {"failed", report.failed},
                      {"max_abs_logit_error", finite(report.max_abs_logit_error)},
                      {"top1_agreement", finite(report.top1_agreement)},
                      {"greedy_match", report.greedy_match},
                      {"passed", report.passed()}});
}

}  // namespace

FlagTable verify_flags() {
  static VerifyFlags options;
  return make_flags(options);
}

Result<ExitCode> verify_command(Arguments arguments) {
  VerifyFlags options;
  FlagTable flags = make_flags(options);
  Result<bool> parsed = parse_arguments(flags, kHelp, arguments);
  if (!parsed) return std::move(parsed).error();
  if (!*parsed) return ExitCode::kDone;
  if (options.golden.empty()) {
    return Error{ErrorCode::kUsage, "--golden: expected a file, found none", {}};
  }
  options.verify.interrupted = &interrupt_flag();
  Result<Golden> golden = Golden::read(options.golden);
  if (!golden) return std::move(golden).error();
  Result<VerifyReport> report = verify(*golden, options);
  if (!report) return std::move(report).error();
  for (const std::string& failure : report->failures) {
    print_note(fmt::format("bora: {}\n", failure));
  }
  if (report->failed > report->failures.size()) {
    print_note(fmt::format("bora: and {} more\n", report->failed - report->failures.size()));
  }
  Result<ExitCode> printed =
      print_all(options.json ? to_json_line(*report) : to_text(*report, golden->needs_engine()));
  if (!printed) return printed;
  return report->passed() ? ExitCode::kDone : ExitCode::kFailed;
}

}  // namespace bora
