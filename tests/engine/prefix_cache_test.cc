#include "engine/prefix_cache.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>

namespace bora {
namespace {

constexpr std::size_t kBlock = 2;
using Tokens = std::array<TokenId, kBlock>;

TEST(PrefixCache, FindsWhatWasRecordedAndNothingElse) {
  PrefixCache cache(4, 4, kBlock);
  const PrefixId first = cache.record(0, Tokens{1, 2}, BlockId{3}).prefix;
  const PrefixId second = cache.record(first, Tokens{1, 2}, BlockId{0}).prefix;
  EXPECT_NE(first, second);
  EXPECT_EQ(cache.find(0, Tokens{1, 2})->block, BlockId{3});
  EXPECT_EQ(cache.find(first, Tokens{1, 2})->block, BlockId{0});
  EXPECT_FALSE(cache.find(0, Tokens{2, 1}));
  EXPECT_FALSE(cache.find(second, Tokens{1, 2}));
}

TEST(PrefixCache, KeepsTheFirstBlockOfAPrefix) {
  PrefixCache cache(4, 4, kBlock);
  const PrefixId prefix = cache.record(0, Tokens{1, 2}, BlockId{1}).prefix;
  EXPECT_EQ(cache.record(0, Tokens{1, 2}, BlockId{2}).prefix, prefix);
  EXPECT_EQ(cache.find(0, Tokens{1, 2})->block, BlockId{1});
  EXPECT_TRUE(cache.holds(BlockId{1}));
  EXPECT_FALSE(cache.holds(BlockId{2}));
}

TEST(PrefixCache, RemembersAPrefixWhoseBlockIsGone) {
  PrefixCache cache(4, 4, kBlock);
  const PrefixId prefix = cache.record(0, Tokens{1, 2}, BlockId{1}).prefix;
  cache.forget(BlockId{1});
  EXPECT_FALSE(cache.holds(BlockId{1}));
  ASSERT_TRUE(cache.find(0, Tokens{1, 2}));
  EXPECT_EQ(cache.find(0, Tokens{1, 2})->block, BlockId{});
  EXPECT_EQ(cache.record(0, Tokens{1, 2}, BlockId{2}).prefix, prefix);
  EXPECT_EQ(cache.find(0, Tokens{1, 2})->block, BlockId{2});
}

TEST(PrefixCache, DropsTheEntryNotLookedAtForLongest) {
  PrefixCache cache(2, 2, kBlock);
  cache.record(0, Tokens{1, 1}, BlockId{0});
  cache.record(0, Tokens{2, 2}, BlockId{1});
  cache.find(0, Tokens{1, 1});
  cache.forget(BlockId{0});
  EXPECT_EQ(cache.record(0, Tokens{3, 3}, BlockId{0}).displaced, BlockId{1});
  EXPECT_TRUE(cache.find(0, Tokens{1, 1}));
  EXPECT_FALSE(cache.find(0, Tokens{2, 2}));
}

// A small table full of prefixes that differ little, so that many share a bucket: what is found is
// always the block of exactly that prefix.
TEST(PrefixCache, NeverMistakesOnePrefixForAnother) {
  constexpr std::size_t kBlocks = 24;
  std::mt19937 random(11);
  PrefixCache cache(32, kBlocks, kBlock);
  std::map<std::pair<PrefixId, Tokens>, PrefixId> prefixes;
  std::map<PrefixId, BlockId> blocks;
  std::vector<PrefixId> known{0};
  for (int i = 0; i < 20000; ++i) {
    const PrefixId before = known[random() % known.size()];
    const Tokens tokens{static_cast<TokenId>(random() % 3), static_cast<TokenId>(random() % 3)};
    const auto expected = prefixes.find({before, tokens});
    const auto found = cache.find(before, tokens);
    if (found) {
      ASSERT_NE(expected, prefixes.end());
      ASSERT_EQ(found->prefix, expected->second);
      ASSERT_TRUE(found->block.value < 0 || found->block == blocks[found->prefix]);
    }
    const BlockId block{static_cast<std::int32_t>(random() % kBlocks)};
    cache.forget(block);
    const PrefixId prefix = cache.record(before, tokens, block).prefix;
    if (found) {
      ASSERT_EQ(prefix, found->prefix);
    }
    prefixes[{before, tokens}] = prefix;
    if (cache.holds(block)) blocks[prefix] = block;
    if (known.size() < 40) known.push_back(prefix);
  }
}

}  // namespace
}  // namespace bora
