#include "evaluate/top_logits.h"

#include "engine/sampler.h"

#include <algorithm>
#include <numeric>

namespace bora {
namespace {

PositionLogits largest_of(std::span<const float> logits, std::size_t count) {
  std::vector<TokenId> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto end = order.begin() + static_cast<std::ptrdiff_t>(std::min(count, order.size()));
  std::partial_sort(order.begin(), end, order.end(), [&](TokenId a, TokenId b) {
    const float left = logits[static_cast<std::size_t>(a)];
    const float right = logits[static_cast<std::size_t>(b)];
    return left != right ? left > right : a < b;
  });
  PositionLogits position;
  for (auto id = order.begin(); id != end; ++id) {
    position.top.emplace_back(*id, logits[static_cast<std::size_t>(*id)]);
  }
  position.logsumexp = log_sum_exp(logits);
  return position;
}

}  // namespace

Result<std::vector<PositionLogits>> top_logits(Engine& engine, std::span<const TokenId> ids,
                                               std::size_t count,
                                               const std::atomic<bool>* interrupted) {
  std::vector<PositionLogits> positions;
  Result<void> scored = engine.score(
      ids,
      [&](std::size_t, TensorView logits) {
        for (std::size_t row = 0; row < logits.shape.rows(); ++row) {
          const auto* values = reinterpret_cast<const float*>(logits.row(row));
          positions.push_back(largest_of({values, logits.shape.columns()}, count));
        }
        return true;
      },
      interrupted);
  if (!scored) return std::move(scored).error();
  return positions;
}

}  // namespace bora
