// KnownTexts: a DraftProposer that has read the answers, for tests: tiny models of random weights
// never repeat themselves.
#pragma once

#include "engine/draft_proposer.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace bora::testing {

class KnownTexts : public DraftProposer {
 public:
  // Prompts with their answers. Of the tokens it proposes every `lies_in`th position's is wrong.
  KnownTexts(std::vector<std::vector<TokenId>> texts, std::size_t lies_in)
      : texts_(std::move(texts)), lies_in_(lies_in) {}

  void propose(std::span<const TokenId> tokens, std::size_t most,
               std::vector<TokenId>& draft) override {
    for (const std::vector<TokenId>& text : texts_) {
      if (text.size() <= tokens.size()) continue;
      if (!std::equal(tokens.begin(), tokens.end(), text.begin())) continue;
      const std::size_t end = std::min(text.size(), tokens.size() + most);
      for (std::size_t i = tokens.size(); i < end; ++i) {
        draft.push_back(i % lies_in_ == 0 ? text[i] ^ 1 : text[i]);
      }
      return;
    }
  }

 private:
  std::vector<std::vector<TokenId>> texts_;
  std::size_t lies_in_;
};

}  // namespace bora::testing
