// What would fit where the wanted does not: other choices, computed one by one, with the flags that
// make them.
#pragma once

#include "plan/memory_planner.h"

#include <span>
#include <string>
#include <vector>

namespace bora {

struct Alternative {
  std::string flags;  // "--weights int8 --ctx 4096"
  MemoryPlan plan;
};

// Choices that fit, the least loss first. With the wanted weights: a smaller chunk, fewer
// sequences, f16 keys and values, the longest context that fits; where none of these is enough by
// itself, all of them together. Then each of `choices` with fewer bytes than the wanted weights, in
// their order, with the first of these that it needs. Contexts too short to be of use are left out.
std::vector<Alternative> find_alternatives(const MemoryPlanner& planner,
                                           std::span<const WeightChoice> choices);

// The least that could be had, which need not fit: for a message that says so.
Alternative smallest_alternative(const MemoryPlanner& planner,
                                 std::span<const WeightChoice> choices);

}  // namespace bora
