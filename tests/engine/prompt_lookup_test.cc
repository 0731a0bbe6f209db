#include "engine/prompt_lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bora {
namespace {

struct Case {
  const char* what;
  std::vector<TokenId> tokens;
  std::size_t most;
  std::vector<TokenId> expected;
};

TEST(PromptLookup, ProposesWhatFollowedTheLastTokensBefore) {
  const Case cases[] = {
      {"nothing of nothing", {}, 4, {}},
      {"one token", {1}, 4, {}},
      {"no match", {1, 2, 3, 4, 5, 6}, 4, {}},
      {"two equal tokens are too few", {1, 2, 9, 8, 1, 2}, 4, {}},
      {"three are enough", {1, 2, 3, 9, 8, 7, 1, 2, 3}, 3, {9, 8, 7}},
      {"no more than wanted", {1, 2, 3, 9, 8, 7, 1, 2, 3}, 1, {9}},
      {"none wanted", {1, 2, 3, 9, 8, 7, 1, 2, 3}, 0, {}},
      {"the later of two", {1, 2, 3, 4, 1, 2, 3, 5, 6, 1, 2, 3}, 2, {5, 6}},
      {"the longer of two", {0, 1, 2, 3, 4, 9, 1, 2, 3, 5, 0, 1, 2, 3}, 2, {4, 9}},
      {"a circle goes on", {7, 1, 2, 1, 2, 1, 2}, 5, {1, 2, 1, 2, 1}},
      {"one token again and again", {5, 5, 5, 5}, 3, {5, 5, 5}},
  };
  PromptLookup lookup;
  for (const Case& c : cases) {
    std::vector<TokenId> draft;
    lookup.propose(c.tokens, c.most, draft);
    EXPECT_EQ(draft, c.expected) << c.what;
  }
}

}  // namespace
}  // namespace bora
