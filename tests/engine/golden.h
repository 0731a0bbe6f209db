// The goldens of tests/data/golden (its README.md tells the format) and engines to hold to them.
#pragma once

#include "backend/cpu/cpu_backend.h"
#include "engine/engine.h"
#include "formats/checkpoint.h"
#include "formats/json.h"
#include "model/registry.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bora::testing {

inline std::filesystem::path golden_folder(const std::string& name) {
  return std::filesystem::path(BORA_TEST_DATA_DIR) / "golden" / "models" / name;
}

// The instruction sets that this CPU can run.
inline std::vector<std::string> usable_isas() {
  std::vector<std::string> isas;
  for (const char* isa : {"scalar", "avx2", "avx512", "avx512_bf16", "amx"}) {
    if (make_cpu_backend({.threads = 1, .isa = isa, .compute = ComputeType::kF32})) {
      isas.emplace_back(isa);
    }
  }
  return isas;
}

struct TopLogits {
  std::vector<TokenId> ids;
  std::vector<double> values;
  double logsumexp = 0.0;
};

struct Golden {
  std::vector<TokenId> input_ids;
  std::vector<TopLogits> logits_last;  // one a position
  std::vector<TokenId> greedy;
  std::vector<double> greedy_margin;
  std::vector<std::string> ablations;  // config keys to change, as JSON objects
};

inline std::vector<TokenId> token_ids(const JsonObject& object, std::string_view key) {
  const std::vector<std::int64_t> numbers = *object.get_ints(key);
  return {numbers.begin(), numbers.end()};
}

inline TopLogits top_logits(const JsonObject& object) {
  return {.ids = token_ids(object, "ids"),
          .values = *object.get_numbers("values"),
          .logsumexp = *object.get_number("logsumexp")};
}

inline Golden read_golden(const std::string& name) {
  const JsonDocument document = *JsonDocument::read(golden_folder(name) / "golden.json");
  const JsonObject root = *document.object();
  Golden golden{.input_ids = token_ids(root, "input_ids"),
                .logits_last = {},
                .greedy = token_ids(root, "greedy"),
                .greedy_margin = *root.get_numbers("greedy_margin"),
                .ablations = {}};
  const simdjson::dom::array positions = *root.get_array("logits_last");
  for (const simdjson::dom::element entry : positions) {
    golden.logits_last.push_back(top_logits(JsonObject(entry.get_object().value(), name)));
  }
  const JsonObject ablations = *root.get_object("ablations");
  for (const auto& member : ablations.members()) {
    golden.ablations.emplace_back(member.key);
  }
  return golden;
}

// An engine over a checkpoint, which it keeps.
class TestEngine {
 public:
  struct Options {
    CpuBackendOptions backend{.threads = 1, .isa = std::nullopt, .compute = ComputeType::kF32};
    EngineOptions engine{};
    LoadOptions load{};
    std::filesystem::path draft{};  // a model that drafts; empty: none
    LoadOptions draft_load{};
  };

  static Result<std::unique_ptr<TestEngine>> open(const std::filesystem::path& path,
                                                  const Options& options) {
    Result<Checkpoint> checkpoint = Checkpoint::open(path);
    if (!checkpoint) return std::move(checkpoint).error();
    auto self = std::unique_ptr<TestEngine>(new TestEngine(std::move(checkpoint).value()));
    auto model = load_model(self->checkpoint_, options.load);
    if (!model) return std::move(model).error();
    auto backend = make_cpu_backend(options.backend);
    if (!backend) return std::move(backend).error();
    Result<std::unique_ptr<Model>> draft = self->load_draft(options);
    if (!draft) return std::move(draft).error();
    EngineOptions engine_options = options.engine;
    engine_options.compute = options.backend.compute;
    auto engine = Engine::create(std::move(model).value(), std::move(backend).value(),
                                 engine_options, std::move(draft).value());
    if (!engine) return std::move(engine).error();
    self->engine_ = std::move(engine).value();
    return self;
  }

  Engine* operator->() { return engine_.get(); }

  // The logits of every position, [positions][vocab_size].
  std::vector<std::vector<float>> all_logits(std::span<const TokenId> ids) {
    std::vector<std::vector<float>> rows;
    const Result<void> scored = engine_->score(ids, [&](std::size_t first, TensorView logits) {
      EXPECT_EQ(first, rows.size());
      for (std::size_t r = 0; r < logits.shape[0]; ++r) {
        const auto* row = reinterpret_cast<const float*>(logits.row(r));
        rows.emplace_back(row, row + logits.shape[1]);
      }
      return true;
    });
    EXPECT_TRUE(scored) << scored.error().message;
    return rows;
  }

  std::vector<TokenId> greedy(std::vector<TokenId> prompt, std::size_t count) {
    const Request request{.prompt = std::move(prompt),
                          .sampling = {},
                          .max_new_tokens = count,
                          .stop_ids = {},
                          .ignore_eos = true};
    const Result<Generation> answer =
        engine_->generate(request, [](const TokenEvent&) { return true; });
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? answer->ids : std::vector<TokenId>();
  }

 private:
  explicit TestEngine(Checkpoint checkpoint) : checkpoint_(std::move(checkpoint)) {}

  Result<std::unique_ptr<Model>> load_draft(const Options& options) {
    if (options.draft.empty()) return std::unique_ptr<Model>();
    Result<Checkpoint> checkpoint = Checkpoint::open(options.draft);
    if (!checkpoint) return std::move(checkpoint).error();
    draft_checkpoint_.emplace(*std::move(checkpoint));
    return load_model(*draft_checkpoint_, options.draft_load);
  }

  Checkpoint checkpoint_;
  std::optional<Checkpoint> draft_checkpoint_;
  std::unique_ptr<Engine> engine_;
};

inline double log_sum_exp_of(std::span<const float> row) {
  double sum = 0.0;
  for (const float logit : row) sum += std::exp(static_cast<double>(logit));
  return std::log(sum);
}

// The largest difference from the recorded logits and their logsumexp.
inline double worst_error(const TopLogits& expected, std::span<const float> row) {
  double worst = std::abs(log_sum_exp_of(row) - expected.logsumexp);
  for (std::size_t i = 0; i < expected.ids.size(); ++i) {
    const auto logit = static_cast<double>(row[static_cast<std::size_t>(expected.ids[i])]);
    worst = std::max(worst, std::abs(logit - expected.values[i]));
  }
  return worst;
}

}  // namespace bora::testing
