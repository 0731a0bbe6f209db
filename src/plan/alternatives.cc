#include "plan/alternatives.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace bora {
namespace {

constexpr std::size_t kLeastChunk = 16;
constexpr std::size_t kLeastContext = 128;  // or the wanted one, where it is shorter

// A choice and the flags that make it of the wanted one.
struct Candidate {
  MemoryChoice choice;
  std::string flags;

  void add(std::string_view flag) {
    if (!flags.empty()) flags += ' ';
    flags += flag;
  }
};

using Step = std::optional<Candidate> (*)(const MemoryPlanner&, Candidate);

bool fits(const MemoryPlanner& planner, const Candidate& candidate) {
  return planner.plan(candidate.choice).fits();
}

Candidate with_chunk(Candidate candidate, std::size_t chunk) {
  candidate.choice.prefill_chunk = chunk;
  candidate.add(fmt::format("--prefill-chunk {}", chunk));
  return candidate;
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): a Step, as the others.
std::optional<Candidate> with_smaller_chunk(const MemoryPlanner& planner, Candidate candidate) {
  std::size_t chunk = planner.plan(candidate.choice).chunk;
  while (chunk / 2 >= kLeastChunk) {
    chunk /= 2;
    Candidate smaller = with_chunk(candidate, chunk);
    if (fits(planner, smaller)) return smaller;
  }
  return std::nullopt;
}

std::optional<Candidate> with_fewer_sequences(const MemoryPlanner& planner, Candidate candidate) {
  std::size_t& sequences = candidate.choice.max_sequences;
  std::size_t fitting = 0;
  for (std::size_t too_many = sequences; too_many - fitting > 1;) {
    sequences = fitting + (too_many - fitting) / 2;
    (fits(planner, candidate) ? fitting : too_many) = sequences;
  }
  if (fitting == 0) return std::nullopt;
  sequences = fitting;
  candidate.add(fmt::format("--parallel {}", fitting));
  return candidate;
}

Candidate with_f16(Candidate candidate) {
  candidate.choice.kv_dtype = DType::kF16;
  candidate.add("--kv f16");
  return candidate;
}

std::optional<Candidate> with_smaller_values(const MemoryPlanner& planner, Candidate candidate) {
  if (candidate.choice.kv_dtype != DType::kF32) return std::nullopt;
  Candidate smaller = with_f16(std::move(candidate));
  if (!fits(planner, smaller)) return std::nullopt;
  return smaller;
}

std::optional<Candidate> with_shorter_context(const MemoryPlanner& planner, Candidate candidate) {
  const std::size_t wanted = planner.plan(candidate.choice).context_length;
  const std::size_t longest = planner.largest_context(candidate.choice);
  if (longest >= wanted || longest < std::min(kLeastContext, wanted)) return std::nullopt;
  candidate.choice.context_length = longest;
  candidate.add(fmt::format("--ctx {}", longest));
  return candidate;
}

// The least of everything but context and weights.
Candidate reduced(const MemoryPlanner& planner, Candidate candidate) {
  const std::size_t chunk = planner.plan(candidate.choice).chunk;
  if (chunk > kLeastChunk) candidate = with_chunk(std::move(candidate), kLeastChunk);
  if (candidate.choice.max_sequences > 1) {
    candidate.choice.max_sequences = 1;
    candidate.add("--parallel 1");
  }
  if (candidate.choice.kv_dtype == DType::kF32) candidate = with_f16(std::move(candidate));
  return candidate;
}

std::optional<Candidate> with_all_together(const MemoryPlanner& planner, Candidate candidate) {
  candidate = reduced(planner, std::move(candidate));
  if (fits(planner, candidate)) return candidate;
  return with_shorter_context(planner, std::move(candidate));
}

// In the order of what they cost: time, company, digits, memory of the text.
constexpr Step kSteps[] = {with_smaller_chunk, with_fewer_sequences, with_smaller_values,
                           with_shorter_context};

std::vector<Candidate> with_wanted_weights(const MemoryPlanner& planner) {
  const Candidate wanted{planner.wanted(), {}};
  std::vector<Candidate> found;
  for (const Step step : kSteps) {
    if (auto candidate = step(planner, wanted)) found.push_back(*std::move(candidate));
  }
  if (found.empty()) {
    if (auto candidate = with_all_together(planner, wanted)) found.push_back(*std::move(candidate));
  }
  return found;
}

std::optional<Candidate> with_weights(const MemoryPlanner& planner, const Candidate& candidate) {
  if (fits(planner, candidate)) return candidate;
  for (const Step step : kSteps) {
    if (auto found = step(planner, candidate)) return found;
  }
  return with_all_together(planner, candidate);
}

Candidate of_weights(const MemoryPlanner& planner, const WeightChoice& weights) {
  Candidate candidate{planner.wanted(), {}};
  candidate.choice.weights = weights.bytes;
  candidate.add(fmt::format("--weights {}", weights.name));
  return candidate;
}

}  // namespace

std::vector<Alternative> find_alternatives(const MemoryPlanner& planner,
                                           std::span<const WeightChoice> choices) {
  std::vector<Candidate> found = with_wanted_weights(planner);
  for (const WeightChoice& choice : choices) {
    if (choice.bytes.total() >= planner.wanted().weights.total()) continue;
    if (auto candidate = with_weights(planner, of_weights(planner, choice))) {
      found.push_back(*std::move(candidate));
    }
  }
  std::vector<Alternative> alternatives;
  alternatives.reserve(found.size());
  for (Candidate& candidate : found) {
    alternatives.push_back({std::move(candidate.flags), planner.plan(candidate.choice)});
  }
  return alternatives;
}

Alternative smallest_alternative(const MemoryPlanner& planner,
                                 std::span<const WeightChoice> choices) {
  Candidate smallest{planner.wanted(), {}};
  for (const WeightChoice& choice : choices) {
    if (choice.bytes.total() < smallest.choice.weights.total()) {
      smallest = of_weights(planner, choice);
    }
  }
  smallest = reduced(planner, std::move(smallest));
  const std::size_t context = planner.plan(smallest.choice).context_length;
  if (context > kLeastContext) {
    smallest.choice.context_length = kLeastContext;
    smallest.add(fmt::format("--ctx {}", kLeastContext));
  }
  return {std::move(smallest.flags), planner.plan(smallest.choice)};
}

}  // namespace bora
