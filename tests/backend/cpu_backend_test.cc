#include "backend/cpu/cpu_backend.h"

#include "backend/cpu/rope_table.h"
#include "base/float16.h"
#include "kernels/linear.h"
#include "kernels/rms_norm.h"
#include "tests/backend/backend_testing.h"
#include "tests/kernels/kernel_testing.h"
#include "tests/kernels/tolerance.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace bora {
namespace {

using kernels::expect_close;
using kernels::expect_same_bits;
using kernels::Random;
using kernels::UnalignedBytes;
using testing::make_backend;
using testing::make_backend_on_nodes;

TensorView view(const std::vector<float>& values, Shape shape) {
  return {reinterpret_cast<const std::byte*>(values.data()), DType::kF32, shape};
}

MutableTensorView view(std::vector<float>& values, Shape shape) {
  return {reinterpret_cast<std::byte*>(values.data()), DType::kF32, shape};
}

std::vector<std::string_view> isas() {
  std::vector<std::string_view> names;
  for (const kernels::CpuKernels* table : kernels::tables_to_test()) {
    if (names.empty() || names.back() != table->isa) names.push_back(table->isa);
  }
  return names;
}

TEST(CpuBackend, RunsTheForcedIsaOnTheThreadsAskedFor) {
  for (const std::string_view isa : isas()) {
    const auto backend = make_backend(3, isa);
    EXPECT_EQ(backend->device(), "cpu");
    EXPECT_EQ(backend->isa(), isa);
    EXPECT_EQ(backend->threads(), 3);
  }
}

TEST(CpuBackend, RefusesAnIsaOrAThreadCountThatCannotBe) {
  const auto isa = make_cpu_backend({.isa = "mmx"});
  ASSERT_FALSE(isa.has_value());
  EXPECT_EQ(isa.error().code, ErrorCode::kUsage);
  const auto threads = make_cpu_backend({.threads = -2});
  ASSERT_FALSE(threads.has_value());
  EXPECT_EQ(threads.error().code, ErrorCode::kUsage);
}

TEST(CpuBackend, AllocatesZeroedMemory) {
  const auto backend = make_backend(1, "scalar");
  const auto on_nodes = make_backend_on_nodes(3, "scalar");
  for (Backend* each : {backend.get(), on_nodes.get()}) {
    const auto buffer = each->allocate(100000, Fill::kWhole);
    ASSERT_TRUE(buffer.has_value());
    EXPECT_TRUE(std::all_of(buffer->bytes().begin(), buffer->bytes().end(),
                            [](std::byte b) { return b == std::byte{0}; }));
  }
}

// Three projections of one x, as a model's q, k and v: of different types and ragged heights, so
// that the workers' parts begin and end inside them.
class Projections {
 public:
  static constexpr DType kTypes[] = {DType::kBF16, DType::kQ4_1, DType::kF32};

  explicit Projections(std::size_t tokens) : tokens_(tokens), x_(Random(4).values(tokens * 64)) {
    Random random(5);
    for (std::size_t i = 0; i < 3; ++i) {
      weights_.push_back(random.weights(kTypes[i], kRows[i], 64));
      outs_.push_back(random.values(tokens * kRows[i]));
    }
    bias_ = random.values(kRows[1]);
  }

  void run(Backend& backend) {
    std::vector<Projection> projections;
    for (std::size_t i = 0; i < 3; ++i) {
      projections.push_back({.weight = {weights_[i].data(), kTypes[i], {kRows[i], 64}},
                             .bias = i == 1 ? view(bias_, {kRows[1]}) : TensorView{},
                             .out = view(outs_[i], {tokens_, kRows[i]}),
                             .accumulate = i == 2});
    }
    backend.linear({.x = view(x_, {tokens_, 64}), .projections = projections});
  }

  [[nodiscard]] std::vector<std::vector<float>> expected() const {
    std::vector<std::vector<float>> expected = outs_;
    for (std::size_t i = 0; i < 3; ++i) {
      const auto* bias = reinterpret_cast<const std::byte*>(i == 1 ? bias_.data() : nullptr);
      kernels::reference::linear({x_.data(), tokens_, 64, weights_[i].data(),
                                  row_bytes(kTypes[i], 64), kTypes[i], kRows[i], bias, DType::kF32,
                                  expected[i].data(), kRows[i], i == 2, nullptr});
    }
    return expected;
  }

  [[nodiscard]] const std::vector<std::vector<float>>& outs() const { return outs_; }

 private:
  static constexpr std::size_t kRows[] = {13, 6, 31};
  std::size_t tokens_;
  std::vector<float> x_;
  std::vector<float> bias_;
  std::vector<UnalignedBytes> weights_;
  std::vector<std::vector<float>> outs_;
};

TEST(CpuBackend, ComputesAllProjectionsOnAnyNumberOfThreads) {
  for (const std::string_view isa : isas()) {
    const auto table =
        kernels::select_cpu_kernels(kernels::detect_cpu_features(), isa, ComputeType::kAuto);
    ASSERT_TRUE(table.has_value());
    for (const std::size_t tokens : {1U, 5U, 20U}) {
      Projections alone(tokens);
      const auto expected = alone.expected();
      alone.run(*make_backend(1, isa));
      for (std::size_t i = 0; i < 3; ++i) {
        // Weights lie below 0.4, activations below 1, biases and what was there below 1.
        const DType type = Projections::kTypes[i];
        const bool integers = (*table)->int16_activations && info(type).block_values > 1;
        const double bound = integers ? kernels::int16_tolerance(**table, 64, 25.6, 3 * 25.6, 27.6)
                                      : kernels::linear_tolerance(**table, type, 64, 25.6, 27.6);
        expect_close(
            alone.outs()[i], expected[i], [bound](std::size_t) { return bound; },
            std::string(isa) + " projection " + std::to_string(i));
      }
      const auto expect_same_on = [&](Backend& backend) {
        Projections shared(tokens);
        shared.run(backend);
        for (std::size_t i = 0; i < 3; ++i) {
          expect_same_bits(shared.outs()[i], alone.outs()[i],
                           std::string(isa) + " projection " + std::to_string(i) + " on " +
                               std::to_string(backend.threads()) + " threads and " +
                               std::to_string(backend.nodes()) + " nodes");
        }
      };
      for (const int threads : {2, 3, 8}) expect_same_on(*make_backend(threads, isa));
      for (const int threads : {2, 3, 4, 7, 16}) {
        expect_same_on(*make_backend_on_nodes(threads, isa));
      }
    }
  }
}

// The small ops in a row, on enough values to be shared among threads.
std::vector<float> run_small_ops(Backend& backend) {
  constexpr std::size_t kTokens = 37;
  constexpr std::size_t kColumns = 1024;
  constexpr std::size_t kVocab = 50;
  Random random(8);
  const UnalignedBytes table = random.weights(DType::kQ8_0, kVocab, kColumns);
  const UnalignedBytes weight = random.weights(DType::kBF16, 1, kColumns);
  const std::vector<float> frequencies = random.values(32, 0.001F, 1.0F);
  std::vector<TokenId> ids(kTokens);
  for (TokenId& id : ids) id = static_cast<TokenId>(random.below(kVocab));
  std::vector<std::int32_t> positions(kTokens);
  std::iota(positions.begin(), positions.end(), 100);
  std::vector<float> x(kTokens * kColumns);
  std::vector<float> gated(x.size());
  const Shape shape{kTokens, kColumns};

  backend.begin_step();
  backend.embed({{table.data(), DType::kQ8_0, {kVocab, kColumns}}, ids, view(x, shape)});
  backend.rms_norm({view(std::as_const(x), shape),
                    {weight.data(), DType::kBF16, {kColumns}},
                    1e-6F,
                    view(x, shape)});
  for (const RopeStyle style : {RopeStyle::kHalves, RopeStyle::kInterleaved}) {
    backend.rope({.x = view(x, shape),
                  .head_dim = 64,
                  .positions = positions,
                  .inverse_frequencies = frequencies,
                  .style = style});
  }
  backend.silu_mul(
      {view(std::as_const(x), shape), view(std::as_const(x), shape), view(gated, shape)});
  backend.gelu_mul(
      {view(std::as_const(gated), shape), view(std::as_const(x), shape), view(x, shape)});
  backend.softcap({view(x, shape), 2.0F});

  constexpr std::size_t kExperts = 8;
  std::vector<std::int32_t> experts(gated.size() / kExperts * 2);
  std::vector<float> weights(experts.size());
  backend.route({view(std::as_const(gated), {gated.size() / kExperts, kExperts}), 2, experts,
                 view(weights, {weights.size()})});
  std::vector<std::int32_t> rows(kTokens);
  std::iota(rows.rbegin(), rows.rend(), 0);
  backend.add_rows({view(std::as_const(x), shape), rows, view(std::as_const(weights), {kTokens}),
                    view(gated, shape)});
  backend.end_step();
  backend.synchronize();
  return gated;
}

TEST(CpuBackend, ComputesTheSmallOpsAlikeOnAnyNumberOfThreads) {
  for (const std::string_view isa : isas()) {
    const std::vector<float> alone = run_small_ops(*make_backend(1, isa));
    EXPECT_TRUE(std::all_of(alone.begin(), alone.end(), [](float v) { return std::isfinite(v); }));
    EXPECT_TRUE(std::any_of(alone.begin(), alone.end(), [](float v) { return v != 0.0F; }));
    for (const int threads : {2, 5}) {
      expect_same_bits(run_small_ops(*make_backend(threads, isa)), alone, std::string(isa));
    }
  }
}

TEST(CpuBackend, CopiesABlockOfTheCacheAndNothingElse) {
  for (const DType dtype : {DType::kF32, DType::kF16}) {
    constexpr std::size_t kBlocks = 3;
    const std::size_t block_bytes = row_bytes(dtype, 2 * 16 * 5);
    std::vector<std::byte> keys(kBlocks * block_bytes);
    std::vector<std::byte> values(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      keys[i] = static_cast<std::byte>(i / block_bytes * 50 + i % 47);
      values[i] = static_cast<std::byte>(i / block_bytes * 40 + i % 37);
    }
    std::vector<std::byte> expected_keys = keys;
    std::vector<std::byte> expected_values = values;
    const auto block = static_cast<std::ptrdiff_t>(block_bytes);
    std::copy_n(keys.begin() + block, block, expected_keys.begin() + 2 * block);
    std::copy_n(values.begin() + block, block, expected_values.begin() + 2 * block);
    const auto backend = make_backend(2, isas().front());
    backend->copy_kv({.layer = {keys.data(), values.data(), dtype, 16, 2, 5},
                      .from = BlockId{1},
                      .to = BlockId{2}});
    backend->synchronize();
    EXPECT_EQ(keys, expected_keys) << info(dtype).name;
    EXPECT_EQ(values, expected_values) << info(dtype).name;
  }
}

// Sequences with a paged cache of their own, whose keys, values and queries are the same however
// the sequences are cut into steps.
class PagedAttention {
 public:
  static constexpr std::size_t kHeads = 4;
  static constexpr std::size_t kKvHeads = 2;
  static constexpr std::size_t kHeadDim = 24;
  static constexpr std::size_t kBlockTokens = 16;

  PagedAttention(Backend& backend, const std::vector<std::size_t>& lengths, std::size_t window)
      : backend_(backend), window_(window) {
    std::size_t blocks = 0;
    for (const std::size_t length : lengths) {
      max_blocks_ = std::max(max_blocks_, blocks_of(length));
    }
    for (std::size_t s = 0; s < lengths.size(); ++s) {
      Random random(s);
      q_.push_back(random.values(lengths[s] * kHeads * kHeadDim));
      keys_.push_back(random.values(lengths[s] * kKvHeads * kHeadDim));
      values_.push_back(random.values(lengths[s] * kKvHeads * kHeadDim));
      // Blocks of the sequences alternate, so that none has neighbours of its own.
      std::vector<std::int32_t> table(max_blocks_, -1);
      for (std::size_t b = 0; b < blocks_of(lengths[s]); ++b) {
        table[b] = static_cast<std::int32_t>(b * lengths.size() + s);
      }
      tables_.push_back(table);
      blocks = std::max(blocks, blocks_of(lengths[s]) * lengths.size());
      done_.push_back(0);
      out_.emplace_back();
    }
    cache_.resize(2 * blocks * kKvHeads * kBlockTokens * kHeadDim);
    layer_ = {reinterpret_cast<std::byte*>(cache_.data()),
              reinterpret_cast<std::byte*>(cache_.data() + cache_.size() / 2),
              DType::kF32,
              kBlockTokens,
              kKvHeads,
              kHeadDim};
  }

  // One step: the next `counts[s]` tokens of each sequence s; those of count 0 sit it out.
  void step(const std::vector<std::size_t>& counts) {
    std::vector<float> q, keys, values;
    std::vector<std::int64_t> slots;
    std::vector<std::int32_t> cu_seqlens{0}, context_lens, block_tables;
    std::vector<std::size_t> members;
    for (std::size_t s = 0; s < counts.size(); ++s) {
      if (counts[s] == 0) continue;
      members.push_back(s);
      const std::size_t begin = done_[s];
      done_[s] += counts[s];
      append(q, q_[s], begin, done_[s], kHeads * kHeadDim);
      append(keys, keys_[s], begin, done_[s], kKvHeads * kHeadDim);
      append(values, values_[s], begin, done_[s], kKvHeads * kHeadDim);
      for (std::size_t p = begin; p < done_[s]; ++p) slots.push_back(slot_of(s, p));
      cu_seqlens.push_back(cu_seqlens.back() + static_cast<std::int32_t>(counts[s]));
      context_lens.push_back(static_cast<std::int32_t>(done_[s]));
      block_tables.insert(block_tables.end(), tables_[s].begin(), tables_[s].end());
    }
    std::vector<float> out(q.size());
    const Shape q_shape{slots.size(), kHeads * kHeadDim};
    const Shape kv_shape{slots.size(), kKvHeads * kHeadDim};
    backend_.store_kv({view(std::as_const(keys), kv_shape), view(std::as_const(values), kv_shape),
                       slots, layer_});
    backend_.attention({.q = view(std::as_const(q), q_shape),
                        .layer = layer_,
                        .cu_seqlens_q = cu_seqlens,
                        .context_lens = context_lens,
                        .block_tables = block_tables,
                        .max_blocks_per_sequence = max_blocks_,
                        .scale = 0.2F,
                        .sliding_window = window_,
                        .out = view(out, q_shape)});
    backend_.synchronize();
    for (std::size_t m = 0; m < members.size(); ++m) {
      append(out_[members[m]], out, static_cast<std::size_t>(cu_seqlens[m]),
             static_cast<std::size_t>(cu_seqlens[m + 1]), kHeads * kHeadDim);
    }
  }

  // The attention of sequence s over all its steps so far.
  [[nodiscard]] const std::vector<float>& out(std::size_t s) const { return out_[s]; }

 private:
  static std::size_t blocks_of(std::size_t length) {
    return (length + kBlockTokens - 1) / kBlockTokens;
  }
  static void append(std::vector<float>& to, const std::vector<float>& from, std::size_t begin,
                     std::size_t end, std::size_t columns) {
    to.insert(to.end(), from.begin() + static_cast<std::ptrdiff_t>(begin * columns),
              from.begin() + static_cast<std::ptrdiff_t>(end * columns));
  }
  [[nodiscard]] std::int64_t slot_of(std::size_t s, std::size_t position) const {
    return static_cast<std::int64_t>(tables_[s][position / kBlockTokens]) *
               static_cast<std::int64_t>(kBlockTokens) +
           static_cast<std::int64_t>(position % kBlockTokens);
  }

  Backend& backend_;
  std::size_t window_;
  std::size_t max_blocks_ = 0;
  KvLayer layer_;
  std::vector<float> cache_;
  std::vector<std::vector<float>> q_, keys_, values_, out_;
  std::vector<std::vector<std::int32_t>> tables_;
  std::vector<std::size_t> done_;
};

TEST(CpuBackend, AttendsAlikeInChunksInCompanyAndOnAnyNumberOfThreads) {
  for (const std::string_view isa : isas()) {
    for (const std::size_t window : {0U, 100U, 256U}) {
      const auto backend = make_backend(1, isa);
      PagedAttention whole(*backend, {300}, window);
      whole.step({300});

      PagedAttention decoded(*backend, {300}, window);
      decoded.step({255});
      for (int i = 0; i < 45; ++i) decoded.step({1});
      expect_same_bits(decoded.out(0), whole.out(0), std::string(isa) + " token by token");

      const auto threads = make_backend(3, isa);
      PagedAttention company(*threads, {300, 290, 40}, window);
      company.step({100, 0, 0});
      company.step({1, 33, 40});
      company.step({199, 257, 0});
      expect_same_bits(company.out(0), whole.out(0), std::string(isa) + " in company");
    }
  }
}

TEST(CpuBackend, SaysWhatItWillReserve) {
  for (const int threads : {1, 3}) {
    for (const std::size_t columns : {64U, 4096U, 16384U}) {
      const std::size_t before = Buffer::allocated_bytes();
      auto made = make_cpu_backend({.threads = threads});
      ASSERT_TRUE(made);
      const std::size_t table = RopeTable::bytes_for(100, 64);
      const std::size_t expected = (*made)->reserve_bytes(100, columns);
      ASSERT_TRUE((*made)->reserve(100, columns));
      EXPECT_EQ(Buffer::allocated_bytes() - before, expected - table)
          << threads << " threads, " << columns << " columns";
    }
  }
}

TEST(RopeTable, SaysWhatItWillHold) {
  RopeTable table;
  EXPECT_EQ(table.bytes(), 0U);
  table.reserve(100, 64);
  EXPECT_EQ(table.bytes(), RopeTable::bytes_for(100, 64));
}

}  // namespace
}  // namespace bora
