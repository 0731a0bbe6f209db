#include "evaluate/perplexity.h"

#include "engine/sampler.h"
#include "tensor/buffer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace bora {
namespace {

std::span<const float> logits_row(const TensorView& logits, std::size_t row) {
  // A row of a float32 tensor is an array of floats.
  return {reinterpret_cast<const float*>(logits.row(row)), logits.shape.columns()};
}

std::size_t largest(std::span<const float> logits) {
  return static_cast<std::size_t>(std::ranges::max_element(logits) - logits.begin());
}

Result<void> check(std::span<const TokenId> ids) {
  if (ids.size() >= 2) return {};
  return Error{ErrorCode::kUsage,
               fmt::format("text: expected at least 2 tokens to predict one, found {}", ids.size()),
               {}};
}

// Whether windows of that many tokens have a prediction past those skipped.
Result<void> check_skip(std::size_t skip, std::size_t window) {
  if (skip + 1 < window) return {};
  return Error{
      ErrorCode::kUsage,
      fmt::format("--skip: expected less than the {} predictions of a window of {} tokens, "
                  "found {}",
                  window - 1, window, skip),
      {}};
}

// Adds what the logits of `position` say of the token after it.
void add_prediction(Perplexity& sum, std::span<const TokenId> window, std::size_t position,
                    std::span<const float> logits) {
  const auto next = static_cast<std::size_t>(window[position + 1]);
  sum.nll += log_sum_exp(logits) - static_cast<double>(logits[next]);
  ++sum.tokens;
}

void finish(Perplexity& sum) {
  sum.perplexity = std::exp(sum.nll / static_cast<double>(sum.tokens));
}

// The reference's logits of a window, position after position.
class ReferenceLogits {
 public:
  static Result<ReferenceLogits> create(std::size_t positions, std::size_t vocab_size) {
    Result<Buffer> buffer = Buffer::allocate(positions * vocab_size * sizeof(float));
    if (!buffer) return std::move(buffer).error();
    return ReferenceLogits(*std::move(buffer), vocab_size);
  }

  Result<void> fill(Engine& reference, std::span<const TokenId> window,
                    const std::atomic<bool>* interrupted) {
    const std::size_t positions = window.size() - 1;
    return reference.score(
        window,
        [&](std::size_t first, TensorView logits) {
          const std::size_t rows = std::min(logits.shape.rows(), positions - first);
          std::memcpy(row_data(first), logits.data, rows * vocab_size_ * sizeof(float));
          return first + rows < positions;
        },
        interrupted);
  }

  std::span<const float> row(std::size_t position) {
    return {reinterpret_cast<const float*>(row_data(position)), vocab_size_};
  }

 private:
  ReferenceLogits(Buffer buffer, std::size_t vocab_size)
      : buffer_(std::move(buffer)), vocab_size_(vocab_size) {}
  std::byte* row_data(std::size_t position) {
    return buffer_.bytes().data() + position * vocab_size_ * sizeof(float);
  }

  Buffer buffer_;
  std::size_t vocab_size_;
};

double percentile99(std::vector<double>& values) {
  // Nearest rank: the smallest value that 99 % of all do not exceed.
  const std::size_t rank = (values.size() * 99 + 99) / 100;
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(rank - 1);
  std::ranges::nth_element(values, at);
  return *at;
}

}  // namespace

double kl_divergence(std::span<const float> q, std::span<const float> p) {
  const double q_total = log_sum_exp(q);
  const double p_total = log_sum_exp(p);
  double sum = 0.0;
  for (std::size_t i = 0; i < q.size(); ++i) {
    const double log_q = static_cast<double>(q[i]) - q_total;
    const double probability = std::exp(log_q);
    if (probability > 0.0) sum += probability * (log_q - (static_cast<double>(p[i]) - p_total));
  }
  return std::max(sum, 0.0);  // rounding may leave a tiny negative sum for equal distributions
}

std::vector<std::span<const TokenId>> cut_windows(std::span<const TokenId> ids, std::size_t size) {
  std::vector<std::span<const TokenId>> windows;
  for (std::size_t begin = 0; begin + 1 < ids.size(); begin += size - 1) {
    windows.push_back(ids.subspan(begin, std::min(size, ids.size() - begin)));
  }
  return windows;
}

Result<Perplexity> measure_perplexity(Engine& engine, std::span<const TokenId> ids,
                                      const EvaluationOptions& options) {
  if (Result<void> checked = check(ids); !checked) return std::move(checked).error();
  Perplexity sum;
  sum.window = std::min(std::max<std::size_t>(engine.context_length(), 2), ids.size());
  Result<void> some = check_skip(options.skip, sum.window);
  if (!some) return std::move(some).error();
  for (const std::span<const TokenId> window : cut_windows(ids, sum.window)) {
    ++sum.windows;
    const auto on_logits = [&](std::size_t first, TensorView logits) {
      for (std::size_t row = 0; row < logits.shape.rows(); ++row) {
        const std::size_t position = first + row;
        if (position + 1 == window.size()) return false;
        if (position < options.skip) continue;
        add_prediction(sum, window, position, logits_row(logits, row));
      }
      return true;
    };
    Result<void> scored = engine.score(window, on_logits, options.interrupted);
    if (!scored) return std::move(scored).error();
  }
  finish(sum);
  return sum;
}

Result<Divergence> measure_divergence(Engine& engine, Engine& reference,
                                      std::span<const TokenId> ids,
                                      const EvaluationOptions& options) {
  if (Result<void> checked = check(ids); !checked) return std::move(checked).error();
  const std::size_t vocab_size = engine.model().config().vocab_size;
  const std::size_t reference_size = reference.model().config().vocab_size;
  if (vocab_size != reference_size) {
    return Error{ErrorCode::kUsage,
                 fmt::format("--against: expected a model with a vocabulary of {}, found {}",
                             vocab_size, reference_size),
                 {}};
  }
  Divergence result;
  Perplexity& sum = result.perplexity;
  const std::size_t kept = kReferenceLogitsBytes / (vocab_size * sizeof(float)) + 1;
  sum.window = std::min({engine.context_length(), reference.context_length(), kept, ids.size()});
  sum.window = std::max<std::size_t>(sum.window, 2);
  Result<void> some = check_skip(options.skip, sum.window);
  if (!some) return std::move(some).error();
  Result<ReferenceLogits> kept_logits = ReferenceLogits::create(sum.window - 1, vocab_size);
  if (!kept_logits) return std::move(kept_logits).error();

  std::vector<double> divergences;
  std::size_t agreements = 0;
  for (const std::span<const TokenId> window : cut_windows(ids, sum.window)) {
    ++sum.windows;
    Result<void> filled = kept_logits->fill(reference, window, options.interrupted);
    if (!filled) return std::move(filled).error();
    const auto on_logits = [&](std::size_t first, TensorView logits) {
      for (std::size_t row = 0; row < logits.shape.rows(); ++row) {
        const std::size_t position = first + row;
        if (position + 1 == window.size()) return false;
        if (position < options.skip) continue;
        const std::span<const float> ours = logits_row(logits, row);
        const std::span<const float> theirs = kept_logits->row(position);
        add_prediction(sum, window, position, ours);
        divergences.push_back(kl_divergence(theirs, ours));
        agreements += largest(ours) == largest(theirs) ? 1 : 0;
      }
      return true;
    };
    Result<void> scored = engine.score(window, on_logits, options.interrupted);
    if (!scored) return std::move(scored).error();
  }
  finish(sum);
  const auto count = static_cast<double>(divergences.size());
  for (const double divergence : divergences) result.kl_mean += divergence / count;
  result.kl_p99 = percentile99(divergences);
  result.top1_agreement = static_cast<double>(agreements) / count;
  return result;
}

}  // namespace bora
