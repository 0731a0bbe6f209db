// The limits and what is made of samples: arithmetic on known numbers, no timings.
#include "cli/bench_limits.h"

#include "cli/bench_plot.h"
#include "cli/bench_table.h"
#include "tests/cli/models.h"
#include <bora/llm.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>

namespace bora {
namespace {

using ::testing::HasSubstr;

constexpr auto kF32 = static_cast<std::size_t>(DType::kF32);
constexpr auto kBf16 = static_cast<std::size_t>(DType::kBF16);

// 10 bytes; 40 operations on bf16 weights, 20 in f32.
Work some_work() {
  Work work{.bytes = 10.0, .operations = {}};
  work.operations[kBf16] = 40.0;
  work.operations[kF32] = 20.0;
  return work;
}

Roofs roofs(double bandwidth, double bf16, double f32) {
  Roofs roofs{.read_bandwidth_gb_s = bandwidth, .gops = {}};
  roofs.gops[kBf16] = bf16;
  roofs.gops[kF32] = f32;
  return roofs;
}

TEST(BenchLimits, AreTheSlowerOfReadingAndComputing) {
  const Work work = some_work();
  EXPECT_DOUBLE_EQ(work.intensity(), 6.0);
  // 40 at 400 and 20 at 100 Gop/s take 0.3 ns.
  EXPECT_DOUBLE_EQ(compute_roof_gops(work, roofs(1, 400, 100)), 200.0);
  const Limit by_cores = limit_of(work, roofs(1000, 400, 100));
  EXPECT_FALSE(by_cores.by_memory);
  EXPECT_DOUBLE_EQ(by_cores.tokens_per_s, 1e9 / 0.3);
  const Limit by_memory = limit_of(work, roofs(20, 400, 100));
  EXPECT_TRUE(by_memory.by_memory);
  EXPECT_DOUBLE_EQ(by_memory.tokens_per_s, 2e9);
}

class BenchWork : public ::testing::Test {
 protected:
  explicit BenchWork(const char* model = "mistral_v01_swa") {
    LlmOptions options;
    options.threads = 1;
    Result<Llm> llm = Llm::open(testing::golden_model(model), options);
    EXPECT_TRUE(llm) << llm.error().message;
    llm_.emplace(std::move(llm).value());
  }

  [[nodiscard]] const Engine& engine() { return llm_->engine(); }

  double weights(bool for_logits) {
    double values = 0.0;
    for (const Product& product : engine().model().products()) {
      if (product.for_logits == for_logits) values += static_cast<double>(product.values);
    }
    return values;
  }

  // Of attention, by counting.
  double attention(std::size_t begin, std::size_t end) {
    const ModelConfig& config = engine().model().config();
    double operations = 0.0;
    for (std::size_t position = begin; position < end; ++position) {
      const std::size_t seen = std::min(position + 1, config.sliding_window);
      operations += static_cast<double>(4 * seen * config.num_attention_heads * config.head_dim *
                                        config.num_hidden_layers);
    }
    return operations;
  }

  std::optional<Llm> llm_;
};

TEST_F(BenchWork, OfAPromptCountsLogitsOnceAndTheWindowOfAttention) {
  for (const std::size_t depth : {0U, 10U, 100U}) {  // the window is 16
    const Work work =
        prefill_work(engine(), {.tokens = 12, .depth = depth, .batch = 2, .chunk = 8});
    EXPECT_DOUBLE_EQ(work.operations[kBf16], 2 * (weights(false) + weights(true) / 12));
    EXPECT_NEAR(work.operations[kF32], attention(depth, depth + 12) / 12, 1e-6) << depth;
    // Three chunks of the 24 tokens; each sequence's cache after 8 and after 12 of its own.
    const double bytes = 3.0 * static_cast<double>(engine().model().weight_bytes_per_token()) +
                         2.0 * static_cast<double>(engine().kv_bytes_read_per_token(depth + 8) +
                                                   engine().kv_bytes_read_per_token(depth + 12));
    EXPECT_DOUBLE_EQ(work.bytes, bytes / 24) << depth;
  }
}

TEST_F(BenchWork, OfAnAnswerReadsTheWeightsOnceForTheBatch) {
  const Work work = decode_work(engine(), {.tokens = 8, .depth = 6, .batch = 4});
  EXPECT_DOUBLE_EQ(work.bytes, static_cast<double>(engine().model().weight_bytes_per_token()) / 4 +
                                   static_cast<double>(engine().kv_bytes_read_per_token(10)));
  EXPECT_DOUBLE_EQ(work.operations[kBf16], 2 * (weights(false) + weights(true)));
  EXPECT_DOUBLE_EQ(work.operations[kF32], attention(9, 10));
}

// Two repetitions at 1 and 1.5 Gtoken/s; the bandwidths probed beside them.
BenchPhase phase(double first, double second, double third) {
  return {.tokens = 5,
          .work = some_work(),
          .samples = {{1e9, roofs(first, 400, 100), roofs(second, 300, 100)},
                      {1.5e9, roofs(second, 300, 100), roofs(third, 400, 100)}}};
}

BenchReport report(const BenchPhase& phase) {
  return {.machine = {"a <CPU>", 2, "avx2", 100.0, 200.0},
          .results = {
              {.weights = "bf16", .batch = 1, .depth = 0, .prefills = {phase}, .decode = phase}}};
}

TEST(BenchReport, HoldsASpeedAgainstTheBetterProbeBesideIt) {
  const BenchPhase measured = phase(20, 19, 18);
  EXPECT_DOUBLE_EQ(speed_of(measured).median, 1.25e9);
  EXPECT_DOUBLE_EQ(fraction_of(measured).least, 1e9 * 10 / 20e9);
  EXPECT_DOUBLE_EQ(fraction_of(measured).most, 1.5e9 * 10 / 19e9);
  EXPECT_DOUBLE_EQ(bandwidth_of(measured).relative(), 2.0 / 19.0);
  const Json json = bench_json(report(measured));
  EXPECT_EQ(json["results"][0]["steady"], true);
  EXPECT_EQ(json["results"][0]["decode_bound"], "memory");
  EXPECT_DOUBLE_EQ(json["results"][0]["prefill_gops"].get<double>(), 75.0);
  EXPECT_DOUBLE_EQ(json["machine"]["inner_loop_gops"]["bf16"].get<double>(), 400.0);
}

TEST(BenchReport, SaysWhereTheBandwidthSpreadTooMuchToCount) {
  const BenchReport steady = report(phase(20, 19, 18));
  EXPECT_THAT(bench_text(steady), ::testing::Not(HasSubstr("unsteady")));
  EXPECT_THAT(bench_svg(steady), ::testing::Not(HasSubstr("unsteady")));
  const BenchReport unsteady = report(phase(20, 19, 17));
  EXPECT_EQ(bench_json(unsteady)["machine"]["steady"], false);
  EXPECT_EQ(bench_json(unsteady)["results"][0]["steady"], false);
  EXPECT_NEAR(bench_json(unsteady)["results"][0]["read_bandwidth_spread"].get<double>(), 3.0 / 19,
              1e-12);
  EXPECT_THAT(bench_text(unsteady), HasSubstr("unsteady 16 %"));
  EXPECT_THAT(bench_svg(unsteady), HasSubstr("unsteady"));
}

TEST(BenchPlot, EscapesWhatSvgWouldTakeForMarkup) {
  EXPECT_THAT(bench_svg(report(phase(20, 19, 18))), HasSubstr("a &lt;CPU&gt;, 2 threads, avx2"));
}

}  // namespace
}  // namespace bora
