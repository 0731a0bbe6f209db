#include "engine/sampler.h"

#include "base/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace bora {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The largest logit; nullopt where one is NaN or +infinity, or all are -infinity. Sixteen lanes, so
// that the compiler can use vectors: a greedy step over 128k logits is this scan and one find.
std::optional<float> largest_logit(std::span<const float> logits) {
  constexpr std::size_t kLanes = 16;
  std::array<float, kLanes> largest{};
  largest.fill(-kInfinity);
  bool numbers = true;
  std::size_t i = 0;
  for (; i + kLanes <= logits.size(); i += kLanes) {
    bool all = true;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float logit = logits[i + lane];
      largest[lane] = logit > largest[lane] ? logit : largest[lane];
      all &= logit == logit;
    }
    numbers &= all;
  }
  for (; i < logits.size(); ++i) {
    largest[0] = logits[i] > largest[0] ? logits[i] : largest[0];
    numbers &= logits[i] == logits[i];
  }
  const float result = *std::max_element(largest.begin(), largest.end());
  if (!numbers || !std::isfinite(result)) return std::nullopt;
  return result;
}

// The `count` best of `logits` into `best`, in order: a heap whose front is the worst kept.
template <class Entry>
void keep_best(std::span<const float> logits, std::size_t count, float Entry::*logit,
               std::vector<Entry>& best) {
  const auto before = [logit](const Entry& a, const Entry& b) {
    return a.*logit > b.*logit || (a.*logit == b.*logit && a.id < b.id);
  };
  best.clear();
  for (std::size_t i = 0; i < logits.size(); ++i) {
    // Ids come in ascending order, so an equal logit is never better than one already kept.
    if (best.size() == count) {
      if (!(logits[i] > best.front().*logit)) continue;
      std::pop_heap(best.begin(), best.end(), before);
      best.pop_back();
    }
    Entry entry{};
    entry.id = static_cast<TokenId>(i);
    entry.*logit = logits[i];
    best.push_back(entry);
    std::push_heap(best.begin(), best.end(), before);
  }
  std::sort_heap(best.begin(), best.end(), before);
}

// A double in [0, 1) of 53 random bits.
double uniform(std::uint64_t seed, std::size_t position) {
  const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
  const auto high = [](std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); };
  const auto bits = philox4x32({low(position), high(position), 0, 0}, {low(seed), high(seed)});
  const std::uint64_t word = (std::uint64_t{bits[0]} << 32) | bits[1];
  return static_cast<double>(word >> 11) * 0x1p-53;
}

Error out_of_range(std::string_view flag, std::string_view expected, double found) {
  return {ErrorCode::kUsage, fmt::format("{}: expected {}, found {}", flag, expected, found), {}};
}

}  // namespace

Result<void> validate(const SamplingParams& params) {
  // Written so that NaN fails each test.
  const auto within = [](float x, float low, float high) { return x >= low && x <= high; };
  if (!within(params.temperature, 0.0F, 100.0F)) {
    return out_of_range("--temperature", "0 to 100", params.temperature);
  }
  if (params.top_k < 0) return out_of_range("--top-k", "0 (all) or more", params.top_k);
  if (!(params.top_p > 0.0F && params.top_p <= 1.0F)) {
    return out_of_range("--top-p", "more than 0, at most 1", params.top_p);
  }
  if (!within(params.min_p, 0.0F, 1.0F)) return out_of_range("--min-p", "0 to 1", params.min_p);
  if (!(params.repetition_penalty > 0.0F && params.repetition_penalty <= 100.0F)) {
    return out_of_range("--repetition-penalty", "more than 0, at most 100",
                        params.repetition_penalty);
  }
  if (!within(params.presence_penalty, -100.0F, 100.0F)) {
    return out_of_range("--presence-penalty", "-100 to 100", params.presence_penalty);
  }
  if (!within(params.frequency_penalty, -100.0F, 100.0F)) {
    return out_of_range("--frequency-penalty", "-100 to 100", params.frequency_penalty);
  }
  if (params.logprobs < 0 || params.logprobs > 100) {
    return out_of_range("--logprobs", "0 to 100", params.logprobs);
  }
  return {};
}

Sampler::Sampler(const SamplingParams& params, std::size_t vocab_size,
                 std::span<const TokenId> prompt)
    : params_(params) {
  if (params.temperature != 0.0F) {
    const auto top_k = static_cast<std::size_t>(params.top_k);
    candidates_.reserve(top_k == 0 ? vocab_size : std::min(top_k, vocab_size));
  }
  if (!has_penalties()) return;
  adjusted_.resize(vocab_size);
  new_counts_.resize(vocab_size);
  seen_.resize(vocab_size);
  for (const TokenId id : prompt) seen_[static_cast<std::size_t>(id)] = 1;
}

bool Sampler::has_penalties() const {
  return params_.repetition_penalty != 1.0F || params_.presence_penalty != 0.0F ||
         params_.frequency_penalty != 0.0F;
}

void Sampler::accept(TokenId id) {
  if (!has_penalties()) return;
  seen_[static_cast<std::size_t>(id)] = 1;
  ++new_counts_[static_cast<std::size_t>(id)];
}

Result<TokenId> Sampler::sample(std::span<const float> logits, std::size_t position) {
  if (has_penalties()) logits = penalized(logits);
  const std::optional<float> largest = largest_logit(logits);
  if (!largest) {
    return Error{
        ErrorCode::kFailed,
        fmt::format("logits: expected numbers, found NaN or infinity after {} tokens", position),
        {"the weights may be damaged: compare the file with its source",
         "--compute f32 tells whether the reduced precision is to blame"}};
  }
  if (params_.temperature == 0.0F) {
    const auto first = std::find(logits.begin(), logits.end(), *largest);
    return static_cast<TokenId>(first - logits.begin());
  }
  gather(logits, *largest);
  if (params_.top_p < 1.0F) keep_top_p();
  if (params_.min_p > 0.0F) keep_min_p();
  return draw(position);
}

std::span<const float> Sampler::penalized(std::span<const float> logits) {
  CHECK(logits.size() == adjusted_.size(), "one logit per id of the vocabulary");
  std::copy(logits.begin(), logits.end(), adjusted_.begin());
  for (std::size_t id = 0; id < adjusted_.size(); ++id) {
    if (seen_[id] == 0) continue;
    float& logit = adjusted_[id];
    logit = logit > 0.0F ? logit / params_.repetition_penalty : logit * params_.repetition_penalty;
    if (new_counts_[id] == 0) continue;
    logit -= params_.presence_penalty;
    logit -= params_.frequency_penalty * static_cast<float>(new_counts_[id]);
  }
  return adjusted_;
}

// Fills candidates_: the top-k in order, or all by id.
void Sampler::gather(std::span<const float> logits, float largest) {
  const auto top_k = static_cast<std::size_t>(params_.top_k);
  if (top_k > 0 && top_k < logits.size()) {
    keep_best(logits, top_k, &Candidate::logit, candidates_);
  } else {
    candidates_.resize(logits.size());
    for (std::size_t i = 0; i < logits.size(); ++i) {
      candidates_[i] = {static_cast<TokenId>(i), logits[i], 0.0F};
    }
  }
  for (Candidate& candidate : candidates_) {
    candidate.weight = std::exp((candidate.logit - largest) / params_.temperature);
  }
}

void Sampler::keep_top_p() {
  double total = 0.0;
  for (const Candidate& candidate : candidates_) total += candidate.weight;
  // Candidates lighter than this weigh less than (1 - top_p) * total together, so that the nucleus
  // is full before the first of them: only the others need sorting. Half of it leaves room for
  // rounding.
  const double light =
      0.5 * (1.0 - params_.top_p) * total / static_cast<double>(candidates_.size());
  std::erase_if(candidates_, [light](const Candidate& c) { return c.weight < light; });
  std::sort(candidates_.begin(), candidates_.end(), [](const Candidate& a, const Candidate& b) {
    return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
  });
  double reached = 0.0;
  std::size_t kept = 0;
  while (kept < candidates_.size() && (kept == 0 || reached < params_.top_p * total)) {
    reached += candidates_[kept].weight;
    ++kept;
  }
  candidates_.resize(kept);
}

void Sampler::keep_min_p() {
  std::erase_if(candidates_, [this](const Candidate& c) { return c.weight < params_.min_p; });
}

TokenId Sampler::draw(std::size_t position) const {
  double total = 0.0;
  for (const Candidate& candidate : candidates_) total += candidate.weight;
  const double target = uniform(params_.seed, position) * total;
  double reached = 0.0;
  for (const Candidate& candidate : candidates_) {
    reached += candidate.weight;
    if (reached > target) return candidate.id;
  }
  // target < total, and `reached` has just been summed the same way: the loop has returned.
  CHECK(false, "the draw lies within the total");
}

double log_sum_exp(std::span<const float> logits) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0.0;
  for (const float logit : logits) sum += std::exp(logit - largest);
  return static_cast<double>(largest) + std::log(sum);
}

void top_logprobs(std::span<const float> logits, double normalizer, std::size_t count,
                  std::vector<TokenLogprob>& out) {
  out.clear();
  if (count == 0) return;
  keep_best(logits, std::min(count, logits.size()), &TokenLogprob::logprob, out);
  for (TokenLogprob& entry : out) {
    entry.logprob = static_cast<float>(static_cast<double>(entry.logprob) - normalizer);
  }
}

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key) {
  constexpr std::uint64_t kMultiplier0 = 0xD2511F53;
  constexpr std::uint64_t kMultiplier1 = 0xCD9E8D57;
  constexpr std::uint32_t kWeyl0 = 0x9E3779B9;  // golden ratio
  constexpr std::uint32_t kWeyl1 = 0xBB67AE85;  // sqrt(3) - 1
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = kMultiplier0 * counter[0];
    const std::uint64_t product1 = kMultiplier1 * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
               static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
               static_cast<std::uint32_t>(product0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

}  // namespace bora
