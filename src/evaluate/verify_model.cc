// Goldens of models: logits at recorded positions, greedy paths, the likelihood of a text.
#include "base/mapped_file.h"
#include "engine/sampler.h"
#include "evaluate/perplexity.h"
#include "evaluate/verify.h"
#include "evaluate/verify_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace bora {
namespace {

// What is recorded of one position.
struct RecordedLogits {
  std::vector<std::int64_t> ids;  // the likeliest first
  std::vector<double> values;
  double logsumexp = 0.0;
};

Result<RecordedLogits> read_logits(const JsonObject& entry) {
  RecordedLogits recorded;
  Result<std::vector<std::int64_t>> ids = entry.get_ints("ids");
  if (!ids) return std::move(ids).error();
  Result<std::vector<double>> values = entry.get_numbers("values");
  if (!values) return std::move(values).error();
  Result<double> logsumexp = entry.get_number("logsumexp");
  if (!logsumexp) return std::move(logsumexp).error();
  if (ids->empty() || ids->size() != values->size()) {
    return entry.error("values", "as many as ids, at least one");
  }
  return RecordedLogits{*std::move(ids), *std::move(values), *logsumexp};
}

class ModelCheck {
 public:
  ModelCheck(Engine& engine, const VerifyOptions& options, VerifyReport& report)
      : engine_(engine), options_(options), report_(report) {}

  // The logits at some positions of one sequence.
  Result<void> logits(std::span<const TokenId> ids, const std::string& where,
                      const std::map<std::size_t, RecordedLogits>& recorded) {
    if (recorded.empty()) return {};
    const std::size_t last = recorded.rbegin()->first;
    return engine_.score(
        ids,
        [&](std::size_t first, TensorView rows) {
          for (std::size_t row = 0; row < rows.shape.rows(); ++row) {
            const auto entry = recorded.find(first + row);
            if (entry == recorded.end()) continue;
            const auto* values = reinterpret_cast<const float*>(rows.row(row));
            compare({values, rows.shape.columns()}, entry->second,
                    fmt::format("{}, position {}", where, first + row));
          }
          return first + rows.shape.rows() <= last;
        },
        options_.interrupted);
  }

  // The greedy continuation, up to the first near-tie of the recording.
  Result<void> greedy(std::vector<TokenId> prompt, const JsonObject& entry,
                      const std::string& where) {
    Result<std::vector<TokenId>> expected = read_ids(entry, "greedy");
    if (!expected) return std::move(expected).error();
    Result<std::vector<double>> margins = entry.get_numbers("greedy_margin");
    if (!margins) return std::move(margins).error();
    const auto near_tie = std::ranges::find_if(
        *margins, [this](double margin) { return margin < options_.min_margin; });
    const auto certain = static_cast<std::size_t>(near_tie - margins->begin());
    expected->resize(std::min(expected->size(), certain));
    if (expected->empty()) return {};

    Request request;
    request.prompt = std::move(prompt);
    request.max_new_tokens = expected->size();
    request.ignore_eos = true;
    Result<Generation> answer = engine_.generate(
        request, [](const TokenEvent&) { return true; }, options_.interrupted);
    if (!answer) return std::move(answer).error();
    const auto [found, wanted] = std::ranges::mismatch(answer->ids, *expected);
    ++report_.checked;
    if (found == answer->ids.end() && wanted == expected->end()) return {};
    report_.greedy_match = false;
    fail(report_, fmt::format("{}, greedy token {}: expected {}, found {}", where,
                              wanted - expected->begin(), id_or_end(wanted, expected->end()),
                              id_or_end(found, answer->ids.end())));
    return {};
  }

  void finish() {
    if (positions_ == 0) return;
    report_.top1_agreement = static_cast<double>(agreements_) / static_cast<double>(positions_);
  }

 private:
  using IdIterator = std::vector<TokenId>::const_iterator;
  static std::string id_or_end(IdIterator at, IdIterator end) {
    return at == end ? std::string("the end") : std::to_string(*at);
  }

  void compare(std::span<const float> logits, const RecordedLogits& recorded,
               const std::string& where) {
    ++report_.checked;
    ++positions_;
    double worst = std::abs(log_sum_exp(logits) - recorded.logsumexp);
    std::string what = "logsumexp";
    for (std::size_t i = 0; i < recorded.ids.size(); ++i) {
      const std::int64_t id = recorded.ids[i];
      if (id < 0 || static_cast<std::size_t>(id) >= logits.size()) {
        fail(report_,
             fmt::format("{}: expected an id below {}, found {}", where, logits.size(), id));
        return;
      }
      const auto logit = static_cast<double>(logits[static_cast<std::size_t>(id)]);
      const double error = std::abs(logit - recorded.values[i]);
      if (error > worst) {
        worst = error;
        what = fmt::format("logit of id {}", id);
      }
    }
    const auto top = std::ranges::max_element(logits) - logits.begin();
    agreements_ += top == recorded.ids.front() ? 1 : 0;
    report_.max_abs_logit_error = std::max(report_.max_abs_logit_error, worst);
    if (worst <= options_.tolerance) return;
    fail(report_, fmt::format("{}: {}: expected an error of at most {:g}, found {:g}", where, what,
                              options_.tolerance, worst));
  }

  Engine& engine_;
  const VerifyOptions& options_;
  VerifyReport& report_;
  std::size_t positions_ = 0;
  std::size_t agreements_ = 0;
};

// A text's ids as the tokenizer gives them, against the recorded ones.
Result<void> check_encoding(const Tokenizer* tokenizer, std::string_view text,
                            std::span<const TokenId> expected, const std::string& where,
                            VerifyReport& report) {
  if (tokenizer == nullptr) return {};
  Result<std::vector<TokenId>> ids =
      tokenizer->encode(text, {.add_special = false, .parse_special = true});
  if (!ids) return std::move(ids).error();
  ++report.checked;
  if (!std::ranges::equal(*ids, expected)) {
    fail(report, fmt::format("{}: {}", where, first_difference(expected, *ids)));
  }
  return {};
}

Result<void> verify_logits_golden(const Golden& golden, ModelCheck& check) {
  const JsonObject root = golden.root();
  Result<std::vector<TokenId>> ids = read_ids(root, "input_ids");
  if (!ids) return std::move(ids).error();
  Result<std::vector<Entry>> entries = read_entries(root, "logits_last");
  if (!entries) return std::move(entries).error();
  if (entries->size() != ids->size()) return root.error("logits_last", "one entry an input id");
  std::map<std::size_t, RecordedLogits> recorded;
  for (const Entry& entry : *entries) {
    Result<RecordedLogits> logits = read_logits(entry.object);
    if (!logits) return std::move(logits).error();
    recorded.emplace(recorded.size(), *std::move(logits));
  }
  Result<void> compared = check.logits(*ids, "input_ids", recorded);
  if (!compared) return compared;
  return check.greedy(*std::move(ids), root, "input_ids");
}

Result<void> verify_prompt(const JsonObject& prompt, const Tokenizer* tokenizer, ModelCheck& check,
                           VerifyReport& report) {
  Result<std::string_view> name = prompt.get_string("name", "prompt");
  if (!name) return std::move(name).error();
  Result<std::string_view> text = prompt.get_string("text");
  if (!text) return std::move(text).error();
  Result<std::vector<TokenId>> ids = read_ids(prompt, "input_ids");
  if (!ids) return std::move(ids).error();
  Result<std::vector<Entry>> entries = read_entries(prompt, "logits_at");
  if (!entries) return std::move(entries).error();
  const std::string where(*name);
  Result<void> encoded = check_encoding(tokenizer, *text, *ids, where, report);
  if (!encoded) return encoded;
  std::map<std::size_t, RecordedLogits> recorded;
  for (const Entry& entry : *entries) {
    Result<std::int64_t> position = entry.object.get_int("pos");
    if (!position) return std::move(position).error();
    if (*position < 0 || static_cast<std::size_t>(*position) >= ids->size()) {
      return entry.object.error("pos", "a position of the prompt");
    }
    Result<RecordedLogits> logits = read_logits(entry.object);
    if (!logits) return std::move(logits).error();
    recorded.emplace(static_cast<std::size_t>(*position), *std::move(logits));
  }
  Result<void> compared = check.logits(*ids, where, recorded);
  if (!compared) return compared;
  return check.greedy(*std::move(ids), prompt, where);
}

Result<void> verify_evaluation(const Golden& golden, const JsonObject& eval, Engine& engine,
                               const Tokenizer* tokenizer, const VerifyOptions& options,
                               VerifyReport& report) {
  Result<std::vector<TokenId>> ids = read_ids(eval, "input_ids");
  if (!ids) return std::move(ids).error();
  Result<double> total = eval.get_number("total_nll");
  if (!total) return std::move(total).error();
  Result<std::string_view> file = eval.get_string("file", "");
  if (!file) return std::move(file).error();
  const std::filesystem::path text_path = golden.folder() / *file;
  std::error_code ignored;
  if (!file->empty() && std::filesystem::exists(text_path, ignored)) {
    constexpr std::size_t kTextLimit = std::size_t{64} << 20;
    Result<std::string> text = read_text_file(text_path, kTextLimit);
    if (!text) return std::move(text).error();
    Result<void> encoded = check_encoding(tokenizer, *text, *ids, std::string(*file), report);
    if (!encoded) return encoded;
  }
  Result<Perplexity> measured =
      measure_perplexity(engine, *ids, {.interrupted = options.interrupted});
  if (!measured) return std::move(measured).error();
  ++report.checked;
  const double error = std::abs(measured->nll - *total);
  if (!(error <= options.nll_tolerance)) {
    fail(report, fmt::format("eval: total_nll: expected {:.4f} within {:g}, found {:.4f}", *total,
                             options.nll_tolerance, measured->nll));
  }
  return {};
}

Result<void> verify_prompts_golden(const Golden& golden, Engine& engine, const Tokenizer* tokenizer,
                                   const VerifyOptions& options, ModelCheck& check,
                                   VerifyReport& report) {
  const JsonObject root = golden.root();
  Result<std::vector<Entry>> prompts = read_entries(root, "prompts");
  if (!prompts) return std::move(prompts).error();
  for (const Entry& prompt : *prompts) {
    Result<void> verified = verify_prompt(prompt.object, tokenizer, check, report);
    if (!verified) return verified;
  }
  if (!root.has("eval")) return {};
  Result<JsonObject> eval = root.get_object("eval");
  if (!eval) return std::move(eval).error();
  return verify_evaluation(golden, *eval, engine, tokenizer, options, report);
}

}  // namespace

Result<VerifyReport> verify_model(const Golden& golden, Engine& engine, const Tokenizer* tokenizer,
                                  const VerifyOptions& options) {
  CHECK(golden.needs_engine(), "a golden of a model");
  VerifyReport report;
  ModelCheck check(engine, options, report);
  Result<void> verified =
      golden.kind() == Golden::Kind::kLogits
          ? verify_logits_golden(golden, check)
          : verify_prompts_golden(golden, engine, tokenizer, options, check, report);
  if (!verified) return std::move(verified).error().with_context(golden.name());
  if (options.interrupted != nullptr && options.interrupted->load()) {
    return Error{ErrorCode::kInterrupted, "verify: interrupted", {}};
  }
  check.finish();
  return report;
}

}  // namespace bora
