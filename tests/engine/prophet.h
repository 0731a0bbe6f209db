// A DraftProposer that knows what the hash model (hash_model.h) will say.
#pragma once

#include "engine/draft_proposer.h"
#include "tests/engine/hash_model.h"

#include <algorithm>
#include <random>
#include <span>
#include <vector>

namespace bora::testing {

// Knows the answer, and says something else for one token in `lies_in` (0: never).
class Prophet : public DraftProposer {
 public:
  explicit Prophet(std::size_t lies_in, std::size_t shorter = 0)
      : lies_in_(lies_in), shorter_(shorter) {}

  void propose(std::span<const TokenId> tokens, std::size_t most,
               std::vector<TokenId>& draft) override {
    if (shorter_ > 0) most = std::min<std::size_t>(most, random_() % shorter_);
    for (const TokenId id : answer_to({tokens.begin(), tokens.end()}, most)) {
      const bool lie = lies_in_ > 0 && random_() % lies_in_ == 0;
      draft.push_back(lie ? (id + 1) % static_cast<TokenId>(kVocab) : id);
    }
  }

 private:
  std::mt19937 random_{5};
  std::size_t lies_in_;
  std::size_t shorter_;
};

}  // namespace bora::testing
