#include "cli/run_report.h"

#include "cli/machine.h"

#include <fmt/format.h>

namespace bora {
namespace {

struct Speeds {
  double prefill = 0.0;  // tokens/s
  double decode = 0.0;   // tokens/s, the new tokens after the first
  double total = 0.0;    // prompt and new tokens over all the time they took
};

double per_second(std::size_t count, double seconds) {
  return finite(static_cast<double>(count) / seconds);
}

Speeds speeds_of(const Completion& completion) {
  const Timings& timings = completion.timings;
  const std::size_t new_tokens = completion.ids.size();
  return {
      per_second(completion.prompt_ids.size(), timings.prefill_s),
      new_tokens < 2 ? 0.0 : per_second(new_tokens - 1, timings.decode_s),
      per_second(completion.prompt_ids.size() + new_tokens, timings.prefill_s + timings.decode_s)};
}

Json logprobs_json(const std::vector<TokenLogprobs>& logprobs) {
  Json list = Json::array();
  for (const TokenLogprobs& token : logprobs) {
    Json top = Json::array();
    for (const TokenLogprob& entry : token.top) {
      top.push_back(Json::array({entry.id, finite(static_cast<double>(entry.logprob))}));
    }
    list.push_back(Json{{"id", token.id},
                        {"logprob", finite(static_cast<double>(token.logprob))},
                        {"top", std::move(top)}});
  }
  return list;
}

// The share of the machine's read bandwidth. Who has pressed Ctrl-C does not want to wait for a
// probe.
std::string bandwidth_share(double gb_s, FinishReason reason, const EngineFlags& flags) {
  if (reason == FinishReason::kInterrupted) return {};
  const Result<double> bandwidth = measure_read_bandwidth(flags.threads, flags.isa);
  if (!bandwidth || *bandwidth <= 0.0) return {};
  return fmt::format(", {:.2f} of the {:.1f} GB/s this machine reads", gb_s / *bandwidth,
                     *bandwidth);
}

}  // namespace

Json run_json(const Completion& completion, const LlmInfo& info, double load_s) {
  const Speeds speeds = speeds_of(completion);
  Json json = {
      {"text", completion.text},
      {"prompt_ids", completion.prompt_ids},
      {"ids", completion.ids},
      {"finish_reason", std::string(name(completion.finish_reason))},
      {"model", info.name},
      {"device", info.device},
      {"isa", info.isa},
      {"weights", info.weights},
      {"timings",
       {{"load_s", finite(load_s)},
        {"prefill_s", finite(completion.timings.prefill_s)},
        {"prefill_tokens_per_s", speeds.prefill},
        {"decode_s", finite(completion.timings.decode_s)},
        {"decode_tokens_per_s", speeds.decode},
        {"total_tokens_per_s", speeds.total},
        {"weight_bytes_per_token", info.weight_bytes_per_token}}},
  };
  if (!completion.logprobs.empty()) json["logprobs"] = logprobs_json(completion.logprobs);
  return json;
}

void print_run_report(const Completion& completion, const LlmInfo& info, double load_s,
                      const EngineFlags& flags) {
  const Speeds speeds = speeds_of(completion);
  const Timings& timings = completion.timings;
  std::string text = fmt::format(
      "\nmodel    {} ({}, {} weights)\n"
      "machine  {}, {}, {} {}\n"
      "load     {:.2f} s from process start to the first forward pass\n"
      "prompt   {} tokens in {:.2f} s, {:.1f} tokens/s\n"
      "answer   {} tokens ({}), {:.1f} tokens/s after the first\n",
      info.name, info.architecture, info.weights, info.device, info.isa, info.threads,
      info.threads == 1 ? "thread" : "threads", load_s, completion.prompt_ids.size(),
      timings.prefill_s, speeds.prefill, completion.ids.size(), name(completion.finish_reason),
      speeds.decode);
  if (speeds.decode > 0.0) {
    const double gb_s = static_cast<double>(info.weight_bytes_per_token) * speeds.decode * 1e-9;
    text += fmt::format("weights  {:.1f} GB/s streamed", gb_s);
    text += bandwidth_share(gb_s, completion.finish_reason, flags) + "\n";
  }
  text += fmt::format("total    {:.1f} tokens/s, prompt and answer\n", speeds.total);
  print_note(text);
}

}  // namespace bora
