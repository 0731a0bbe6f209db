// The raw logits of a prompt: the largest of each position and their sum's logarithm.
#pragma once

#include "engine/engine.h"

#include <atomic>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace bora {

struct PositionLogits {
  std::vector<std::pair<TokenId, float>> top;  // largest first, the lowest id where equal
  double logsumexp = 0.0;                      // over the whole vocabulary
};

// One entry a prompt id, at most `count` logits each. Errors: those of Engine::score().
Result<std::vector<PositionLogits>> top_logits(Engine& engine, std::span<const TokenId> ids,
                                               std::size_t count,
                                               const std::atomic<bool>* interrupted = nullptr);

}  // namespace bora
