#include "engine/prompt_lookup.h"

#include <algorithm>

namespace bora {
namespace {

// How many of the tokens before `end` equal the last ones of all.
std::size_t match_length(std::span<const TokenId> tokens, std::size_t end) {
  const std::size_t most = std::min(end, PromptLookup::kLongestMatch);
  std::size_t length = 0;
  while (length < most && tokens[end - 1 - length] == tokens[tokens.size() - 1 - length]) ++length;
  return length;
}

// Where the best match ends; 0: there is none.
std::size_t end_of_match(std::span<const TokenId> tokens) {
  std::size_t best = 0;
  std::size_t longest = PromptLookup::kShortestMatch - 1;
  const TokenId last = tokens.back();
  for (std::size_t end = tokens.size() - 1; end > longest; --end) {
    if (tokens[end - 1] != last) continue;
    const std::size_t length = match_length(tokens, end);
    if (length <= longest) continue;
    best = end;
    longest = length;
    if (length == PromptLookup::kLongestMatch) break;
  }
  return best;
}

}  // namespace

void PromptLookup::propose(std::span<const TokenId> tokens, std::size_t most,
                           std::vector<TokenId>& draft) {
  if (tokens.empty()) return;
  const std::size_t begin = end_of_match(tokens);
  if (begin == 0) return;
  for (std::size_t i = begin; draft.size() < most; ++i) {
    draft.push_back(i < tokens.size() ? tokens[i] : draft[i - tokens.size()]);
  }
}

}  // namespace bora
