// bora eval: how well a model predicts a text, how far another is from it, or its raw logits.
#include "base/mapped_file.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/load.h"
#include "cli/options.h"
#include "cli/output.h"
#include "evaluate/perplexity.h"
#include "evaluate/top_logits.h"
#include "text/tokenizer.h"

#include <fmt/format.h>

namespace bora {
namespace {

struct EvalOptions {
  ModelLocation location;
  std::string text;
  std::optional<std::vector<TokenId>> prompt_ids;
  std::size_t top_logits = 0;
  std::size_t skip = 0;
  std::string against;
  std::string against_weights = "auto";
  std::string against_compute = "auto";
  EngineFlags engine;
  bool json = false;
};

constexpr HelpText kHelp = {
    "bora eval [MODEL] (--text FILE [--against MODEL2] | --prompt-ids 1,2,3 --top-logits K) "
    "[options]",
    "Perplexity of a text under a model; with --against also the KL divergence to a second one.\n"
    "The whole text is one sequence, no BOS added, up to the context (--ctx); a longer one is cut\n"
    "into windows that overlap by one token, so every token but the first is predicted once;\n"
    "--skip N counts only predictions made from more than N tokens.",
    "JSON (--json):\n"
    "  tokens (predicted and counted), nll (nats, their sum), perplexity (exp(nll / tokens)),\n"
    "  window (tokens), windows; with --against kl_mean, kl_p99 (KL(MODEL2 || MODEL) in nats, one\n"
    "  value a token counted), top1_agreement. --top-logits prints JSON always:\n"
    "  {\"positions\": [{\"top\": [[id, logit], ..], \"logsumexp\": x}, ..]}, one entry a prompt "
    "id"};

FlagTable make_flags(EvalOptions& options) {
  FlagTable flags("eval");
  flags.positional("MODEL",
                   "OWNER/NAME on the Hub, folder with a checkpoint or .gguf file (default: "
                   "SmolLM2-135M-Instruct)",
                   options.location.model);
  flags.group("What to measure");
  flags.text("--text", "FILE", "perplexity of this text", options.text);
  flags.whole(
      "--skip",
      "leave out the first N predictions of each window (default 0; llama-perplexity: half)",
      kAnyCount, options.skip);
  flags.text("--against", "MODEL2", "and the divergence from this model", options.against);
  flags.choice("--against-weights", "--weights of MODEL2", weight_choices(),
               options.against_weights);
  flags.choice("--against-compute", "--compute of MODEL2", compute_choices(),
               options.against_compute);
  flags.ids("--prompt-ids", "token ids to print logits for", options.prompt_ids);
  flags.whole("--top-logits", "the N largest logits after each of them", kPositiveCount,
              options.top_logits);
  add_engine_flags(flags, options.engine);
  add_location_flags(flags, options.location);
  flags.group("Output");
  flags.toggle("--json", "one JSON object on stdout", options.json);
  return flags;
}

Error usage(std::string message) { return {ErrorCode::kUsage, std::move(message), {}}; }

Result<void> check(const EvalOptions& options) {
  if (options.text.empty() == !options.prompt_ids) {
    return usage("eval: expected either --text or --prompt-ids with --top-logits");
  }
  if (options.prompt_ids.has_value() != (options.top_logits > 0)) {
    return usage("--top-logits: expected together with --prompt-ids, found one of them");
  }
  if (options.prompt_ids && options.skip > 0) {
    return usage("--skip: expected --text with it, found --prompt-ids");
  }
  if (options.prompt_ids && !options.against.empty()) {
    return usage("--against: expected --text with it, found --prompt-ids");
  }
  return {};
}

Result<Llm> open(const ModelLocation& location, const EngineFlags& engine, bool quiet) {
  Result<LlmOptions> options = llm_options(engine);
  if (!options) return std::move(options).error();
  ProgressLine progress(quiet);
  return open_model(location, *std::move(options), progress);
}

Result<ExitCode> print_top_logits(Llm& llm, const EvalOptions& options) {
  Result<std::vector<PositionLogits>> positions =
      top_logits(llm.engine(), *options.prompt_ids, options.top_logits, &interrupt_flag());
  if (!positions) return std::move(positions).error();
  Json list = Json::array();
  for (const PositionLogits& position : *positions) {
    Json top = Json::array();
    for (const auto& [id, logit] : position.top) {
      top.push_back(Json::array({id, finite(static_cast<double>(logit))}));
    }
    list.push_back(Json{{"top", std::move(top)}, {"logsumexp", finite(position.logsumexp)}});
  }
  return print_all(to_line(Json{{"positions", std::move(list)}}));
}

Result<std::vector<TokenId>> read_ids(const Llm& llm, const std::string& file) {
  constexpr std::size_t kLimit = std::size_t{256} << 20;
  Result<std::string> text = read_text_file(file, kLimit);
  if (!text) return std::move(text).error();
  if (llm.tokenizer() == nullptr) {
    return Error{
        ErrorCode::kNotFound,
        fmt::format("{}: expected a tokenizer beside the model, found none", llm.info().name),
        {}};
  }
  return llm.tokenizer()->encode(*text, {.add_special = false, .parse_special = std::nullopt});
}

Json to_json(const Perplexity& measured) {
  return Json{{"tokens", measured.tokens},
              {"nll", finite(measured.nll)},
              {"perplexity", finite(measured.perplexity)},
              {"window", measured.window},
              {"windows", measured.windows}};
}

std::string to_text(const Perplexity& measured) {
  return fmt::format("perplexity {:.4f}\nnll {:.4f} nats over {} tokens, {} window{} of up to {}\n",
                     measured.perplexity, measured.nll, measured.tokens, measured.windows,
                     measured.windows == 1 ? "" : "s", measured.window);
}

Result<ExitCode> print_perplexity(Llm& llm, const EvalOptions& options,
                                  std::span<const TokenId> ids) {
  Result<Perplexity> measured = measure_perplexity(
      llm.engine(), ids, {.skip = options.skip, .interrupted = &interrupt_flag()});
  if (!measured) return std::move(measured).error();
  return print_all(options.json ? to_line(to_json(*measured)) : to_text(*measured));
}

Result<ExitCode> print_divergence(Llm& llm, const EvalOptions& options,
                                  std::span<const TokenId> ids) {
  ModelLocation location = options.location;
  location.model = options.against;
  EngineFlags engine = options.engine;
  engine.weights = options.against_weights;
  engine.compute = options.against_compute;
  Result<Llm> reference = open(location, engine, options.json);
  if (!reference) return std::move(reference).error();
  Result<Divergence> measured =
      measure_divergence(llm.engine(), reference->engine(), ids,
                         {.skip = options.skip, .interrupted = &interrupt_flag()});
  if (!measured) return std::move(measured).error();
  if (!options.json) {
    return print_all(to_text(measured->perplexity) +
                     fmt::format("KL divergence {:.6g} nats, 99th percentile {:.6g}\n"
                                 "top-1 agreement {:.4f}\n",
                                 measured->kl_mean, measured->kl_p99, measured->top1_agreement));
  }
  Json json = to_json(measured->perplexity);
  json["kl_mean"] = finite(measured->kl_mean);
  json["kl_p99"] = finite(measured->kl_p99);
  json["top1_agreement"] = measured->top1_agreement;
  return print_all(to_line(json));
}

}  // namespace

FlagTable eval_flags() {
  static EvalOptions options;
  return make_flags(options);
}

Result<ExitCode> eval_command(Arguments arguments) {
  EvalOptions options;
  FlagTable flags = make_flags(options);
  Result<bool> parsed = parse_arguments(flags, kHelp, arguments);
  if (!parsed) return std::move(parsed).error();
  if (!*parsed) return ExitCode::kDone;
  if (Result<void> checked = check(options); !checked) return std::move(checked).error();
  Result<Llm> llm = open(options.location, options.engine, options.json);
  if (!llm) return std::move(llm).error();
  if (options.prompt_ids) return print_top_logits(*llm, options);
  Result<std::vector<TokenId>> ids = read_ids(*llm, options.text);
  if (!ids) return std::move(ids).error();
  return options.against.empty() ? print_perplexity(*llm, options, *ids)
                                 : print_divergence(*llm, options, *ids);
}

}  // namespace bora
