#include "engine/block_table.h"

#include "plan/kv_blocks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace bora {
namespace {

constexpr std::size_t kBlock = 4;

TEST(BlockTable, TakesBlocksAsPositionsComeAndGivesAllBack) {
  BlockTable table(3, 12, 0, kBlock);
  EXPECT_EQ(table.blocks_in_use(), 0U);
  table.advance(0, 5);
  EXPECT_EQ(table.blocks_in_use(), 2U);
  table.advance(5, 8);
  EXPECT_EQ(table.blocks_in_use(), 2U);
  table.advance(8, 12);
  EXPECT_EQ(table.blocks_in_use(), 3U);
  table.clear();
  EXPECT_EQ(table.blocks_in_use(), 0U);
  EXPECT_EQ(table.entries()[0], -1);
}

TEST(BlockTable, MarksFreedEntries) {
  BlockTable table(3, 100, 4, kBlock);
  for (std::size_t begin = 0; begin < 20; begin += 4) table.advance(begin, begin + 4);
  // The query at 16 sees 13 to 16: positions below 12 are gone.
  EXPECT_EQ(table.entries()[2], -1);
  EXPECT_NE(table.entries()[3], -1);
  EXPECT_NE(table.entries()[4], -1);
  EXPECT_EQ(table.entries()[5], -1);
}

// Random contexts, windows and chunks: every position a query sees is stored, no two blocks are the
// same, and a window never holds more than it needs.
TEST(BlockTable, HoldsWhatTheWindowSeesAndNoMoreThanItNeeds) {
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
    BlockTable table(needed, context, window, kBlock);
    for (std::size_t begin = 0; begin < context;) {
      const std::size_t end = std::min(context, begin + 1 + random() % chunk);
      table.advance(begin, end);
      ASSERT_LE(table.blocks_in_use(), needed);
      const std::size_t first_seen = window == 0 || begin + 1 < window ? 0 : begin + 1 - window;
      for (std::size_t position = first_seen; position < end; ++position) {
        ASSERT_GE(table.entries()[position / kBlock], 0)
            << position << " of " << context << ", window " << window << ", chunk " << chunk;
      }
      std::set<std::int32_t> owned;
      for (const std::int32_t entry : table.entries()) {
        if (entry < 0) continue;
        ASSERT_LT(static_cast<std::size_t>(entry), needed);
        ASSERT_TRUE(owned.insert(entry).second) << "block " << entry << " has two owners";
      }
      ASSERT_EQ(owned.size(), table.blocks_in_use()) << "a block has leaked";
      begin = end;
    }
  }
}

TEST(BlockTable, KeepsTheBlocksOfALongMistralSequenceToItsWindow) {
  const std::size_t needed = kv_blocks_needed(32768, 4096, 512, 64);
  EXPECT_EQ(needed, 73U) << "(4095 + 512) / 64, and one for the ends";
  BlockTable table(needed, 32768, 4096, 64);
  for (std::size_t position = 0; position < 32768; ++position) {
    table.advance(position, position + 1);
    ASSERT_LE(table.blocks_in_use(), 65U);
  }
}

TEST(BlockTable, GivesEachPositionOfABlockItsSlot) {
  BlockTable table(2, 8, 0, kBlock);
  table.advance(0, 8);
  std::set<std::int64_t> slots;
  for (std::size_t position = 0; position < 8; ++position) {
    const std::int64_t slot = table.slot(position);
    EXPECT_EQ(slot % 4, static_cast<std::int64_t>(position % kBlock));
    EXPECT_EQ(slot / 4, table.entries()[position / kBlock]);
    slots.insert(slot);
  }
  EXPECT_EQ(slots.size(), 8U);
}

}  // namespace
}  // namespace bora
