// Perplexity of a text under a model, and how far one model's predictions lie from another's.
//
// The ids are one sequence, no BOS added, cut into windows where it is longer than the context:
// each window begins with the last token of the one before, so every token but the first is
// predicted exactly once, from what precedes it in its window. The first EvaluationOptions::skip
// predictions of each window are made but not counted (llama.cpp's llama-perplexity leaves out
// those of the first half). Sums are in double. Owner: the engines' thread. Errors: kUsage (fewer
// than two ids, windows in which nothing is counted, an id outside the vocabulary), those of
// Engine::score().
#pragma once

#include "engine/engine.h"

#include <atomic>
#include <cstddef>
#include <span>
#include <vector>

namespace bora {

struct EvaluationOptions {
  std::size_t skip = 0;  // predictions at the head of each window
  const std::atomic<bool>* interrupted = nullptr;
};

struct Perplexity {
  std::size_t tokens = 0;   // predicted and counted
  double nll = 0.0;         // nats, the sum over them: -log p(token | those before it)
  double perplexity = 0.0;  // exp(nll / tokens)
  std::size_t window = 0;   // tokens of a window, at most
  std::size_t windows = 0;
};

Result<Perplexity> measure_perplexity(Engine& engine, std::span<const TokenId> ids,
                                      const EvaluationOptions& options = {});

// KL(reference || model) in nats over the whole vocabulary, one value for each token counted.
struct Divergence {
  Perplexity perplexity;  // of the model
  double kl_mean = 0.0;
  double kl_p99 = 0.0;          // the 99th percentile, nearest rank
  double top1_agreement = 0.0;  // share of positions where both find the same token likeliest
};

// Logits a comparison keeps of the reference model at a time; the window shrinks to it.
inline constexpr std::size_t kReferenceLogitsBytes = std::size_t{512} << 20;

// Errors besides: kUsage where the vocabularies differ in size; kDoesNotFit.
Result<Divergence> measure_divergence(Engine& engine, Engine& reference,
                                      std::span<const TokenId> ids,
                                      const EvaluationOptions& options = {});

// KL(q || p) of the distributions that two rows of logits stand for.
double kl_divergence(std::span<const float> q, std::span<const float> p);

// The windows described above, as views of `ids`. Precondition: size >= 2.
std::vector<std::span<const TokenId>> cut_windows(std::span<const TokenId> ids, std::size_t size);

}  // namespace bora
