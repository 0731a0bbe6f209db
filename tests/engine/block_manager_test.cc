#include "engine/block_manager.h"

#include "plan/kv_blocks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <set>

namespace bora {
namespace {

constexpr std::size_t kBlock = 4;

BlockManager manager_of(std::size_t num_blocks, std::size_t window = 0) {
  return BlockManager({.num_blocks = num_blocks,
                       .block_tokens = kBlock,
                       .window = window,
                       .prefix_entries = 4 * num_blocks});
}

std::vector<TokenId> counting(std::size_t count, TokenId first = 0) {
  std::vector<TokenId> ids(count);
  std::iota(ids.begin(), ids.end(), first);
  return ids;
}

// Computes positions [begin, end) of ids.
BlockCopy compute(BlockManager& blocks, BlockTable& table, std::span<const TokenId> ids,
                  std::size_t begin, std::size_t end) {
  BlockCopy copy;
  EXPECT_TRUE(blocks.advance(table, begin, end, copy));
  blocks.record(ids, end, table);
  return copy;
}

TEST(BlockManager, TakesBlocksAsPositionsComeAndGivesAllBack) {
  BlockManager blocks = manager_of(3);
  BlockTable table(12, kBlock);
  BlockCopy copy;
  ASSERT_TRUE(blocks.advance(table, 0, 5, copy));
  EXPECT_EQ(blocks.available(), 1U);
  ASSERT_TRUE(blocks.advance(table, 5, 8, copy));
  EXPECT_EQ(blocks.available(), 1U);
  ASSERT_TRUE(blocks.advance(table, 8, 12, copy));
  EXPECT_EQ(blocks.available(), 0U);
  EXPECT_LT(copy.to.value, 0);
  blocks.release(table);
  EXPECT_EQ(blocks.available(), 3U);
  EXPECT_EQ(table.entries[0], -1);
}

TEST(BlockManager, TakesNothingWhereTooFewAreLeft) {
  BlockManager blocks = manager_of(3);
  BlockTable first(12, kBlock);
  BlockTable second(12, kBlock);
  BlockCopy copy;
  ASSERT_TRUE(blocks.advance(first, 0, 8, copy));
  EXPECT_FALSE(blocks.advance(second, 0, 5, copy));
  EXPECT_EQ(blocks.available(), 1U);
  EXPECT_EQ(second.end, 0U);
  EXPECT_TRUE(blocks.advance(second, 0, 4, copy));
}

TEST(BlockManager, ReusesPrefixBlocksAfterTheyAreGivenBack) {
  BlockManager blocks = manager_of(8);
  const std::vector<TokenId> ids = counting(10);
  BlockTable first(12, kBlock);
  compute(blocks, first, ids, 0, 10);
  const std::vector<std::int32_t> held = first.entries;
  blocks.release(first);
  EXPECT_EQ(blocks.available(), 8U);

  BlockTable second(12, kBlock);
  EXPECT_EQ(blocks.take_prefix(ids, second), 8U) << "the third block is not full";
  EXPECT_EQ(second.entries[0], held[0]);
  EXPECT_EQ(second.entries[1], held[1]);
  EXPECT_EQ(second.entries[2], -1);
  EXPECT_EQ(blocks.available(), 6U);
  BlockTable third(12, kBlock);
  EXPECT_EQ(blocks.take_prefix(std::span(ids).first(8), third), 4U)
      << "the last token is computed for its logits";
  EXPECT_EQ(blocks.references(BlockId{held[0]}), 2U);
}

TEST(BlockManager, SharesNothingBehindADifference) {
  BlockManager blocks = manager_of(8);
  std::vector<TokenId> ids = counting(12);
  BlockTable first(12, kBlock);
  compute(blocks, first, ids, 0, 12);
  ids[5] = 99;  // the third block's own tokens are as before
  BlockTable second(16, kBlock);
  ids.push_back(1);
  EXPECT_EQ(blocks.take_prefix(ids, second), 4U);
}

TEST(BlockManager, EvictsWhatWasGivenBackLongestAgo) {
  BlockManager blocks = manager_of(4);
  const std::vector<TokenId> old_ids = counting(9);
  const std::vector<TokenId> new_ids = counting(9, 100);
  for (const auto& ids : {old_ids, new_ids}) {
    BlockTable table(9, kBlock);
    compute(blocks, table, ids, 0, 8);
    blocks.release(table);
  }
  BlockTable other(4, kBlock);
  BlockCopy copy;
  ASSERT_TRUE(blocks.advance(other, 0, 1, copy));
  BlockTable table(9, kBlock);
  EXPECT_EQ(blocks.take_prefix(old_ids, table), 4U) << "the end of a prefix goes before its start";
  blocks.release(table);
  EXPECT_EQ(blocks.take_prefix(new_ids, table), 8U);
}

TEST(BlockManager, CopiesASharedPartialBlockBeforeItIsWritten) {
  BlockManager blocks = manager_of(8);
  const std::vector<TokenId> ids = counting(12);
  BlockTable parent(12, kBlock);
  BlockTable child(12, kBlock);
  compute(blocks, parent, ids, 0, 6);
  blocks.fork(parent, child);
  EXPECT_EQ(parent.entries, child.entries);
  EXPECT_EQ(blocks.available(), 6U);

  const std::int32_t shared = parent.entries[1];
  const BlockCopy copy = compute(blocks, child, ids, 6, 7);
  EXPECT_EQ(copy.from, BlockId{shared});
  EXPECT_EQ(copy.to, BlockId{child.entries[1]});
  EXPECT_NE(child.entries[1], shared);
  EXPECT_EQ(child.entries[0], parent.entries[0]);
  EXPECT_LT(compute(blocks, parent, ids, 6, 7).to.value, 0) << "it is the parent's alone by now";
  EXPECT_EQ(parent.entries[1], shared);
  blocks.release(parent);
  blocks.release(child);
  EXPECT_EQ(blocks.available(), 8U);
}

TEST(BlockManager, GivesBackWhatSlidOutOfTheWindow) {
  BlockManager blocks = manager_of(3, 4);
  BlockTable table(100, kBlock);
  BlockCopy copy;
  for (std::size_t begin = 0; begin < 20; begin += 4) {
    ASSERT_TRUE(blocks.advance(table, begin, begin + 4, copy));
  }
  // The query at 16 sees 13 to 16: positions below 12 are gone.
  EXPECT_EQ(table.entries[2], -1);
  EXPECT_NE(table.entries[3], -1);
  EXPECT_NE(table.entries[4], -1);
  EXPECT_EQ(table.entries[5], -1);
  EXPECT_EQ(blocks.available(), 1U);
}

TEST(BlockManager, NeedsOnlyTheBlocksOfAPrefixThatTheWindowSees) {
  BlockManager blocks = manager_of(4, 6);
  const std::vector<TokenId> ids = counting(25);
  BlockTable table(25, kBlock);
  for (std::size_t begin = 0; begin < 24; begin += 4) {
    compute(blocks, table, ids, begin, begin + 4);
  }
  blocks.release(table);
  BlockTable again(25, kBlock);
  EXPECT_EQ(blocks.take_prefix(ids, again), 24U)
      << "the first blocks were taken for the last, which are all that the query at 24 needs";
  EXPECT_THAT(again.entries,
              ::testing::ElementsAre(-1, -1, -1, -1, ::testing::Ge(0), ::testing::Ge(0), -1));
  EXPECT_EQ(blocks.available(), 2U);
}

// Random contexts, windows and chunks: every position a query sees is stored, no two blocks are the
// same, and a window never holds more than it needs.
TEST(BlockManager, HoldsWhatTheWindowSeesAndNoMoreThanItNeeds) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    const std::size_t context = 1 + random() % 300;
    const std::size_t chunk = 1 + random() % 40;
    const std::size_t window = random() % 3 == 0 ? 0 : 1 + random() % 60;
    const std::size_t needed = kv_blocks_needed(context, window, chunk, kBlock);
    if (window != 0) {
      EXPECT_LE(needed, (window + chunk) / kBlock + 2);
    }
    EXPECT_LE(needed, (context + kBlock - 1) / kBlock);
    BlockManager blocks = manager_of(needed, window);
    BlockTable table(context, kBlock);
    const std::vector<TokenId> ids = counting(context);
    for (std::size_t begin = 0; begin < context;) {
      const std::size_t end = std::min(context, begin + 1 + random() % chunk);
      compute(blocks, table, ids, begin, end);
      const std::size_t first_seen = window == 0 || begin + 1 < window ? 0 : begin + 1 - window;
      for (std::size_t position = first_seen; position < end; ++position) {
        ASSERT_GE(table.entries[position / kBlock], 0)
            << position << " of " << context << ", window " << window << ", chunk " << chunk;
      }
      std::set<std::int32_t> owned;
      for (const std::int32_t entry : table.entries) {
        if (entry < 0) continue;
        ASSERT_LT(static_cast<std::size_t>(entry), needed);
        ASSERT_TRUE(owned.insert(entry).second) << "block " << entry << " has two owners";
      }
      ASSERT_EQ(owned.size(), needed - blocks.available()) << "a block has leaked";
      begin = end;
    }
  }
}

TEST(BlockManager, KeepsTheBlocksOfALongMistralSequenceToItsWindow) {
  const std::size_t needed = kv_blocks_needed(32768, 4096, 512, 64);
  EXPECT_EQ(needed, 73U) << "(4095 + 512) / 64, and one for the ends";
  BlockManager blocks(
      {.num_blocks = needed, .block_tokens = 64, .window = 4096, .prefix_entries = 600});
  BlockTable table(32768, 64);
  BlockCopy copy;
  for (std::size_t position = 0; position < 32768; ++position) {
    ASSERT_TRUE(blocks.advance(table, position, position + 1, copy));
    ASSERT_GE(blocks.available(), needed - 65U);
  }
}

TEST(BlockManager, GivesEachPositionOfABlockItsSlot) {
  BlockManager blocks = manager_of(2);
  BlockTable table(8, kBlock);
  BlockCopy copy;
  ASSERT_TRUE(blocks.advance(table, 0, 8, copy));
  std::set<std::int64_t> slots;
  for (std::size_t position = 0; position < 8; ++position) {
    const std::int64_t slot = slot_of(table, position, kBlock);
    EXPECT_EQ(slot % 4, static_cast<std::int64_t>(position % kBlock));
    EXPECT_EQ(slot / 4, table.entries[position / kBlock]);
    slots.insert(slot);
  }
  EXPECT_EQ(slots.size(), 8U);
}

}  // namespace
}  // namespace bora
