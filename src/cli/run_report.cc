#include "cli/run_report.h"

#include "base/printable.h"
#include "cli/machine.h"

#include <fmt/format.h>

#include <algorithm>

namespace bora {
namespace {

// Of all answers together.
struct Speeds {
  double decode_s = 0.0;  // until the last of them ended
  double prefill = 0.0;   // tokens/s
  double decode = 0.0;    // tokens/s, the new tokens after the first of each
  double steps = 0.0;     // a second, while decoding
  double total = 0.0;     // prompt and new tokens over all the time they took
};

double per_second(std::size_t count, double seconds) {
  return finite(static_cast<double>(count) / seconds);
}

// Steps that made the tokens after the first. Accepted ones may have been cut off the answer.
std::size_t steps_of(std::size_t tokens, std::size_t accepted) {
  return tokens < 2 ? 0 : std::max<std::size_t>(1, tokens - 1 - std::min(accepted, tokens - 1));
}

struct Drafts {
  std::size_t drafted = 0;
  std::size_t accepted = 0;
};

// Of all answers together, by who guessed.
struct DraftsBySource {
  Drafts all;
  Drafts model;

  [[nodiscard]] Drafts lookup() const {
    return {all.drafted - model.drafted, all.accepted - model.accepted};
  }
};

DraftsBySource drafts_of(const Completion& completion) {
  DraftsBySource drafts;
  const auto add = [&drafts](const auto& answer) {
    drafts.all.drafted += answer.drafted_tokens;
    drafts.all.accepted += answer.accepted_tokens;
    drafts.model.drafted += answer.model_drafted_tokens;
    drafts.model.accepted += answer.model_accepted_tokens;
  };
  add(completion);
  for (const Generation& other : completion.others) add(other);
  return drafts;
}

Json drafts_json(const Drafts& drafts) {
  return {{"drafted", drafts.drafted}, {"accepted", drafts.accepted}};
}

Json speculation_json(const DraftsBySource& drafts) {
  Json json = drafts_json(drafts.all);
  json["lookup"] = drafts_json(drafts.lookup());
  json["model"] = drafts_json(drafts.model);
  return json;
}

std::string drafts_line(const DraftsBySource& drafts, const LlmInfo& info) {
  if (drafts.all.drafted == 0) return {};
  std::string line =
      fmt::format("drafts   {} tokens guessed, {} right", drafts.all.drafted, drafts.all.accepted);
  if (!info.draft_model.empty()) {
    line += fmt::format("; {} and {} of them by {}", drafts.model.drafted, drafts.model.accepted,
                        printable(info.draft_model));
  }
  return line + "\n";
}

Speeds speeds_of(const Completion& completion) {
  Speeds speeds{.decode_s = completion.timings.decode_s};
  const double prefill_s = completion.timings.prefill_s;
  std::size_t new_tokens = completion.ids.size();
  std::size_t steps = steps_of(new_tokens, completion.accepted_tokens);
  for (const Generation& other : completion.others) {
    new_tokens += other.ids.size();
    steps = std::max(steps, steps_of(other.ids.size(), other.accepted_tokens));
    const double end = other.timings.prefill_s + other.timings.decode_s;
    speeds.decode_s = std::max(speeds.decode_s, end - prefill_s);
  }
  const std::size_t answers = 1 + completion.others.size();
  const std::size_t prompt = completion.prompt_ids.size();
  speeds.prefill = per_second(prompt, prefill_s);
  if (steps > 0 && new_tokens >= answers) {
    speeds.decode = per_second(new_tokens - answers, speeds.decode_s);
    speeds.steps = per_second(steps, speeds.decode_s);
  }
  speeds.total = per_second(prompt + new_tokens, prefill_s + speeds.decode_s);
  return speeds;
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

// How many answers the speeds are of, and why they may be slow.
std::string parallel_line(const Completion& completion) {
  std::size_t tokens = completion.ids.size();
  std::size_t preemptions = 0;
  for (const Generation& other : completion.others) {
    tokens += other.ids.size();
    preemptions += other.preemptions;
  }
  std::string line = fmt::format("parallel {} answers, {} tokens; speeds are of all together",
                                 1 + completion.others.size(), tokens);
  if (preemptions > 0) {
    line += fmt::format("; {} preempted: the KV cache does not hold them all", preemptions);
  }
  return line + "\n";
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
      {"load", info.load},
      {"weights", info.weights},
      {"timings",
       {{"load_s", finite(load_s)},
        {"prefill_s", finite(completion.timings.prefill_s)},
        {"prefill_tokens_per_s", speeds.prefill},
        {"decode_s", finite(speeds.decode_s)},
        {"decode_tokens_per_s", speeds.decode},
        {"total_tokens_per_s", speeds.total},
        {"weight_bytes_per_token", info.weight_bytes_per_token}}},
      {"speculation", speculation_json(drafts_of(completion))},
  };
  if (!info.draft_model.empty()) json["draft_model"] = info.draft_model;
  if (!completion.others.empty()) json["parallel"] = 1 + completion.others.size();
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
  text += drafts_line(drafts_of(completion), info);
  if (!completion.others.empty()) text += parallel_line(completion);
  if (speeds.steps > 0.0) {
    const double gb_s = static_cast<double>(info.weight_bytes_per_token) * speeds.steps * 1e-9;
    text += fmt::format("weights  {:.1f} GB/s streamed", gb_s);
    text += bandwidth_share(gb_s, completion.finish_reason, flags) + "\n";
  }
  text += fmt::format("total    {:.1f} tokens/s, prompt and answer\n", speeds.total);
  print_note(text);
}

}  // namespace bora
