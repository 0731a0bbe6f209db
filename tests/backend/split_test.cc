#include "backend/cpu/split.h"

#include "base/cpu_topology.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace bora {
namespace {

TEST(PartOf, CoversEverythingOnceInWholeTiles) {
  for (const std::size_t total : {0U, 1U, 7U, 64U, 1001U}) {
    for (const std::size_t tile : {1U, 4U, 32U}) {
      for (const int workers : {1, 2, 3, 16}) {
        std::size_t next = 0;
        for (int worker = 0; worker < workers; ++worker) {
          const Range part = part_of(total, tile, worker, workers);
          EXPECT_EQ(part.begin, next);
          EXPECT_LE(part.begin, part.end);
          EXPECT_TRUE(part.empty() || part.begin % tile == 0);
          next = part.end;
        }
        EXPECT_EQ(next, total);
      }
    }
  }
}

TEST(Intersect, IsEmptyWhereRangesDoNotMeet) {
  EXPECT_EQ(intersect({0, 5}, {3, 9}).size(), 2U);
  EXPECT_TRUE(intersect({0, 3}, {3, 9}).empty());
  EXPECT_TRUE(intersect({5, 9}, {0, 2}).empty());
}

// As linear() cuts the rows of several weights: by group, then by worker.
TEST(PartOfGroup, OfAllGroupsCoversEveryRowOnceForAnyNumberOfThreads) {
  for (const char* machine : {"core:4 pu:1", "numa:2 core:16 pu:2", "numa:8 core:12 pu:1"}) {
    const auto topology = synthetic_topology(machine, "");
    ASSERT_TRUE(topology.has_value());
    for (int threads = 1; threads <= 256; ++threads) {
      const std::vector<int> counts = threads_by_node(*topology, threads);
      for (const std::size_t rows : {1U, 7U, 1000U, 4096U, 32003U}) {
        constexpr std::size_t kTile = 8;
        std::size_t next = 0;
        std::size_t least = rows;
        std::size_t most = 0;
        int first = 0;
        for (const int count : counts) {
          if (count == 0) continue;
          const Range group = part_of_group(rows, kTile, first, count, threads);
          EXPECT_EQ(group.begin, next);
          next = group.end;
          for (int w = 0; w < count; ++w) {
            const std::size_t size = part_of(group.size(), kTile, w, count).size();
            least = std::min(least, size);
            most = std::max(most, size);
          }
          first += count;
        }
        EXPECT_EQ(next, rows) << machine << ", " << threads << " threads";
        EXPECT_LE(most, least + 2 * kTile) << machine << ", " << threads << " threads";
      }
    }
  }
}

}  // namespace
}  // namespace bora
