// Compares what bora computes with values that other programs recorded (golden files).
//
// Four kinds of file, told apart by a key each: `logits_last` (logits of a tiny model), `prompts`
// (a real model with its tokenizer, an optional evaluation text), `encode` (a tokenizer),
// `templates` (chat templates). Their keys are described in tests/data/golden/README.md. A Golden
// is immutable; what it is compared with is borrowed. Errors are about the golden file itself
// (kNotFound, kBadModel) or the engine's; a value that differs is not an error but a failure in the
// report.
#pragma once

#include "engine/engine.h"
#include "formats/json.h"
#include "text/tokenizer.h"

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace bora {

class Golden {
 public:
  enum class Kind { kLogits, kPrompts, kTokens, kTemplates };

  static Result<Golden> read(const std::filesystem::path& path);

  [[nodiscard]] Kind kind() const { return kind_; }
  // Whether a comparison runs the model.
  [[nodiscard]] bool needs_engine() const {
    return kind_ == Kind::kLogits || kind_ == Kind::kPrompts;
  }
  // Errors of its getters name the key; with_context(name()) adds the file.
  [[nodiscard]] JsonObject root() const { return JsonObject(root_, ""); }
  [[nodiscard]] const std::string& name() const { return document_.name(); }
  // Files that the golden names lie beside it.
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

 private:
  Golden(JsonDocument document, simdjson::dom::object root, Kind kind, std::filesystem::path folder)
      : document_(std::move(document)), root_(root), kind_(kind), folder_(std::move(folder)) {}

  JsonDocument document_;
  simdjson::dom::object root_;
  Kind kind_;
  std::filesystem::path folder_;
};

struct VerifyOptions {
  double tolerance = 2e-3;      // on logits and their logsumexp, absolute
  double nll_tolerance = 0.05;  // on sums of nats over an evaluation text
  double min_margin = 0.01;     // greedy ids are compared up to the first margin below
  const std::atomic<bool>* interrupted = nullptr;
};

struct VerifyReport {
  std::size_t checked = 0;  // positions, greedy paths, texts, id lists, renderings, sums
  std::size_t failed = 0;
  double max_abs_logit_error = 0.0;
  double top1_agreement = 1.0;        // share of recorded positions with the same likeliest token
  bool greedy_match = true;           // all greedy paths
  std::vector<std::string> failures;  // the first kMaxFailures of them, a line each

  static constexpr std::size_t kMaxFailures = 10;
  [[nodiscard]] bool passed() const { return failed == 0; }
};

// kLogits and kPrompts; the tokenizer may be null: texts are then not compared with their ids.
Result<VerifyReport> verify_model(const Golden& golden, Engine& engine, const Tokenizer* tokenizer,
                                  const VerifyOptions& options);

// kTokens.
Result<VerifyReport> verify_tokenizer(const Golden& golden, const Tokenizer& tokenizer);

// kTemplates.
Result<VerifyReport> verify_templates(const Golden& golden);

}  // namespace bora
