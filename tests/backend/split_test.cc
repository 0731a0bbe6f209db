#include "backend/cpu/split.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace bora
