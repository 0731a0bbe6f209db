// PromptLookup: a text that repeats itself goes on as it did before. It looks for the last tokens
// of a sequence further up in the sequence itself and proposes what followed them there (prompt
// lookup decoding, https://github.com/apoorvumang/prompt-lookup-decoding). No second model, no
// memory, no index: a scan over the ids of a long context takes microseconds where a step takes
// milliseconds.
#pragma once

#include "engine/draft_proposer.h"

namespace bora {

class PromptLookup : public DraftProposer {
 public:
  // Fewer equal tokens say too little of what follows.
  static constexpr std::size_t kShortestMatch = 3;
  // More say no more: the first match of that length is taken.
  static constexpr std::size_t kLongestMatch = 16;

  // Of the matches the longest, of equally long ones the latest. Where what followed reaches the
  // end of the sequence, it goes on with the draft itself: a text that runs in a circle.
  void propose(std::span<const TokenId> tokens, std::size_t most,
               std::vector<TokenId>& draft) override;
};

}  // namespace bora
