// DraftProposer: guesses how a sequence goes on, cheaply, so that one step can compute several of
// its tokens (speculative decoding, https://arxiv.org/abs/2211.17192). A wrong guess costs time and
// nothing else: each token of a draft is kept only where the sampler draws the same one.
//
// Owner: the engine's thread.
#pragma once

#include "base/ids.h"

#include <cstddef>
#include <span>
#include <vector>

namespace bora {

class DraftProposer {
 public:
  DraftProposer() = default;
  virtual ~DraftProposer() = default;
  DraftProposer(const DraftProposer&) = delete;
  DraftProposer& operator=(const DraftProposer&) = delete;
  DraftProposer(DraftProposer&&) = delete;
  DraftProposer& operator=(DraftProposer&&) = delete;

  // Fills the empty `draft`, which has room for `most`, with up to `most` tokens that may follow
  // `tokens`, prompt and answer of one sequence; ids of the vocabulary. Leaves it empty where it
  // has no idea. Neither allocates nor fails.
  virtual void propose(std::span<const TokenId> tokens, std::size_t most,
                       std::vector<TokenId>& draft) = 0;
};

}  // namespace bora
