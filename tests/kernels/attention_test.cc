#include "kernels/attention.h"

#include "base/float16.h"
#include "kernels/reference/weights.h"
#include "kernels/store_kv.h"
#include "tests/kernels/kernel_testing.h"
#include "tests/kernels/tolerance.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace bora::kernels {
namespace {

struct Case {
  std::size_t queries;
  std::size_t context;  // positions stored, the queries' own last
  std::size_t group = 2;
  std::size_t head_dim = 16;
  std::size_t block_tokens = 16;
  std::size_t window = 0;
  float softcap = 0.0F;
  DType dtype = DType::kF32;
};

// One kv head of one sequence, its blocks shuffled over the cache; block 0 belongs to nobody and
// holds NaN, as do the positions that nobody has written.
class Sequence {
 public:
  Sequence(const Case& shape, std::uint64_t seed) : case_(shape) {
    Random random(seed);
    const std::size_t blocks = (shape.context + shape.block_tokens - 1) / shape.block_tokens;
    table_.resize(blocks);
    std::iota(table_.begin(), table_.end(), 1);
    for (std::size_t i = blocks; i > 1; --i) std::swap(table_[i - 1], table_[random.below(i)]);
    const std::size_t slots = (blocks + 1) * shape.block_tokens;
    keys_ = nans(slots);
    values_ = nans(slots);
    store(keys_, random.values(shape.context * shape.head_dim, -2.0F, 2.0F));
    store(values_, random.values(shape.context * shape.head_dim, -2.0F, 2.0F));
    q_ = random.values(shape.queries * shape.group * shape.head_dim, -2.0F, 2.0F);
    // Blocks that lie wholly before every window are given back.
    if (shape.window > 0 && shape.context - shape.queries + 1 > shape.window) {
      const std::size_t first = shape.context - shape.queries + 1 - shape.window;
      std::fill_n(table_.begin(), first / shape.block_tokens, -1);
    }
  }

  // Attention of query rows [row_begin, row_end), in the calls' own tiles.
  template <class Attention>
  std::vector<float> run(const Attention& attention, std::size_t row_begin, std::size_t row_end,
                         std::size_t tile = kAttentionRows) const {
    std::vector<float> out(q_.size());
    for (std::size_t row = row_begin; row < row_end; row += tile) {
      AttentionArgs args = this->args();
      args.out = out.data();
      args.row_begin = row;
      args.row_end = std::min(row_end, row + tile);
      attention(args);
    }
    const std::size_t d = case_.head_dim;
    return {out.begin() + static_cast<std::ptrdiff_t>(row_begin * d),
            out.begin() + static_cast<std::ptrdiff_t>(row_end * d)};
  }

  [[nodiscard]] std::size_t rows() const { return case_.queries * case_.group; }

  [[nodiscard]] double tolerance(const CpuKernels& kernels) const {
    const double score = 4.0 * static_cast<double>(case_.head_dim) * static_cast<double>(scale());
    return attention_tolerance(kernels, case_.head_dim, case_.context, score,
                               static_cast<double>(case_.softcap), 2.0);
  }

  [[nodiscard]] std::string what(const CpuKernels& kernels) const {
    return name_of(kernels) + " attention " + std::string(info(case_.dtype).name) + " queries " +
           std::to_string(case_.queries) + " of " + std::to_string(case_.context) + ", group " +
           std::to_string(case_.group) + ", head_dim " + std::to_string(case_.head_dim) +
           ", blocks of " + std::to_string(case_.block_tokens) + ", window " +
           std::to_string(case_.window);
  }

  void poison(std::size_t position) {
    std::vector<std::byte>& cache = keys_;
    const std::int64_t slot = slot_of(position);
    const std::vector<float> nan(case_.head_dim, NAN);
    reference::store_kv(
        {nan.data(), 1, 1, case_.head_dim, &slot, cache.data(), case_.dtype, case_.block_tokens});
    reference::store_kv(
        {nan.data(), 1, 1, case_.head_dim, &slot, values_.data(), case_.dtype, case_.block_tokens});
  }

 private:
  [[nodiscard]] float scale() const { return 1.0F / std::sqrt(static_cast<float>(case_.head_dim)); }

  [[nodiscard]] std::int64_t slot_of(std::size_t position) const {
    const auto block = static_cast<std::size_t>(table_[position / case_.block_tokens]);
    return static_cast<std::int64_t>(block * case_.block_tokens + position % case_.block_tokens);
  }

  [[nodiscard]] std::vector<std::byte> nans(std::size_t slots) const {
    return {slots * row_bytes(case_.dtype, case_.head_dim), std::byte{0xFF}};
  }

  void store(std::vector<std::byte>& cache, const std::vector<float>& x) const {
    std::vector<std::int64_t> slots(case_.context);
    for (std::size_t p = 0; p < slots.size(); ++p) slots[p] = slot_of(p);
    reference::store_kv({x.data(), case_.context, 1, case_.head_dim, slots.data(), cache.data(),
                         case_.dtype, case_.block_tokens});
  }

  [[nodiscard]] AttentionArgs args() const {
    return {.q = q_.data(),
            .out = nullptr,
            .token_stride = case_.group * case_.head_dim,
            .group = case_.group,
            .row_begin = 0,
            .row_end = 0,
            .first_position = case_.context - case_.queries,
            .keys = keys_.data(),
            .values = values_.data(),
            .block_stride = case_.block_tokens * row_bytes(case_.dtype, case_.head_dim),
            .dtype = case_.dtype,
            .block_tokens = case_.block_tokens,
            .block_table = table_.data(),
            .head_dim = case_.head_dim,
            .scale = scale(),
            .softcap = case_.softcap,
            .window = case_.window,
            .workspace = workspace(attention_workspace_bytes(case_.head_dim))};
  }

  Case case_;
  std::vector<std::int32_t> table_;
  std::vector<std::byte> keys_;
  std::vector<std::byte> values_;
  std::vector<float> q_;
};

std::vector<Case> cases() {
  std::vector<Case> all = {
      {.queries = 1, .context = 1},
      {.queries = 1, .context = 255},
      {.queries = 1, .context = 256},
      {.queries = 1, .context = 257},
      {.queries = 40, .context = 40, .group = 3},
      {.queries = 7, .context = 530, .group = 5, .head_dim = 20},
      {.queries = 33, .context = 300, .group = 1, .head_dim = 72},
      {.queries = 3, .context = 90, .group = 37, .head_dim = 3},
      {.queries = 5, .context = 70, .block_tokens = 1},
      {.queries = 5, .context = 300, .block_tokens = 256},
      {.queries = 9, .context = 77, .softcap = 1.5F},
  };
  // Windows whose edges lie on, before and after those of blocks and spans.
  for (const std::size_t window : {1U, 15U, 16U, 17U, 255U, 256U, 257U, 1000U}) {
    all.push_back({.queries = 6, .context = 520, .window = window});
    all.push_back({.queries = 20, .context = 512, .group = 1, .window = window});
  }
  return all;
}

TEST(Attention, AgreesWithReference) {
  for (const CpuKernels* kernels : tables_to_test()) {
    for (Case shape : cases()) {
      for (const DType dtype : kPlainDTypes) {
        shape.dtype = dtype;
        const Sequence sequence(shape, shape.context);
        expect_close(
            sequence.run(*kernels->attention, 0, sequence.rows()),
            sequence.run(reference::attention, 0, sequence.rows()),
            [&](std::size_t) { return sequence.tolerance(*kernels); }, sequence.what(*kernels));
      }
    }
  }
}

TEST(Attention, GivesAQueryTheSameBitsAloneAndInAnyCompany) {
  for (const CpuKernels* kernels : tables_to_test()) {
    for (const Case& shape : cases()) {
      const Sequence sequence(shape, shape.context + 1);
      const std::vector<float> together = sequence.run(*kernels->attention, 0, sequence.rows());
      for (const std::size_t tile : {1U, 2U, 5U, 31U}) {
        expect_same_bits(sequence.run(*kernels->attention, 0, sequence.rows(), tile), together,
                         sequence.what(*kernels) + ", rows by " + std::to_string(tile));
      }
    }
  }
}

TEST(Attention, GivesTheSameBitsEmulated) {
  for (const auto& [actual, expected] : counterparts()) {
    for (const DType dtype : kPlainDTypes) {
      for (Case shape : {Case{.queries = 7, .context = 530, .group = 5, .head_dim = 20},
                         Case{.queries = 6, .context = 300, .window = 100, .softcap = 1.5F}}) {
        shape.dtype = dtype;
        const Sequence sequence(shape, 8);
        expect_same_bits(sequence.run(*actual->attention, 0, sequence.rows()),
                         sequence.run(*expected->attention, 0, sequence.rows()),
                         sequence.what(*actual));
      }
    }
  }
}

TEST(Attention, IgnoresWhatAQueryDoesNotSee) {
  const Case shape{.queries = 12, .context = 270, .group = 2, .window = 100};
  for (const CpuKernels* kernels : tables_to_test()) {
    Sequence sequence(shape, 1);
    const std::size_t seen = 10 * shape.group;  // rows of the first ten queries
    const std::vector<float> before = sequence.run(*kernels->attention, 0, sequence.rows());
    sequence.poison(269);  // the future of all but the last query
    sequence.poison(268);
    const std::vector<float> after = sequence.run(*kernels->attention, 0, sequence.rows());
    expect_same_bits(std::span(after).first(seen * shape.head_dim),
                     std::span(before).first(seen * shape.head_dim), sequence.what(*kernels));
    EXPECT_TRUE(std::isnan(after.back()));
  }
}

}  // namespace
}  // namespace bora::kernels
