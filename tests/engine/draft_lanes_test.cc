#include "engine/draft_lanes.h"

#include "plan/kv_blocks.h"

#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <random>

namespace bora {
namespace {

DraftPlan plan_of(std::size_t context, std::size_t lanes, std::size_t window, std::size_t chunk) {
  DraftPlan plan;
  plan.context_length = context;
  plan.lanes = lanes;
  plan.chunk = chunk;
  plan.lane_blocks =
      kv_blocks_needed(context, window, std::max(chunk, kMostDraftedTokens + 1), kKvBlockTokens);
  return plan;
}

std::vector<TokenId> ids(std::size_t count, TokenId first) {
  std::vector<TokenId> tokens(count);
  std::iota(tokens.begin(), tokens.end(), first);
  return tokens;
}

// Computes a text to its end, all at once.
DraftLanes::Place compute(DraftLanes& lanes, const std::vector<TokenId>& text) {
  const DraftLanes::Place place = lanes.find(text);
  lanes.hold(place, text);
  lanes.append(place.lane, std::span(text).subspan(place.kept));
  return place;
}

TEST(DraftLanes, FollowsATextAsItGrows) {
  DraftLanes lanes(plan_of(200, 3, 0, 64), 0);
  std::vector<TokenId> text = ids(10, 0);
  const std::size_t lane = compute(lanes, text).lane;
  text.push_back(50);
  EXPECT_EQ(lanes.find(text).lane, lane);
  EXPECT_EQ(lanes.find(text).kept, 10U);
  compute(lanes, text);
  EXPECT_EQ(lanes.find(text).kept, 10U) << "the last token is computed again, for its logits";
}

TEST(DraftLanes, KeepsOfADraftWhatCameTrue) {
  DraftLanes lanes(plan_of(200, 1, 0, 64), 0);
  std::vector<TokenId> text = ids(10, 0);
  const std::size_t lane = compute(lanes, text).lane;
  for (const TokenId id : {90, 91, 92}) lanes.append_draft(lane, id);
  text.insert(text.end(), {90, 91, 7});
  EXPECT_EQ(lanes.find(text).kept, 12U);
  compute(lanes, text);
  EXPECT_EQ(std::vector<TokenId>(lanes.tokens(lane).begin(), lanes.tokens(lane).end()), text);
}

TEST(DraftLanes, HasALaneForEachTextAndTakesThatNotUsedForLongest) {
  DraftLanes lanes(plan_of(200, 2, 0, 64), 0);
  const std::vector<TokenId> a = ids(10, 100);
  const std::vector<TokenId> b = ids(10, 200);
  const std::vector<TokenId> c = ids(10, 300);
  const std::size_t lane_a = compute(lanes, a).lane;
  const std::size_t lane_b = compute(lanes, b).lane;
  EXPECT_NE(lane_a, lane_b);
  compute(lanes, a);
  EXPECT_EQ(compute(lanes, c).lane, lane_b);
  EXPECT_EQ(lanes.find(a).kept, 9U);
  EXPECT_EQ(lanes.find(b).kept, 0U);
}

TEST(DraftLanes, TakesTheLaneThatHoldsMostOfAText) {
  DraftLanes lanes(plan_of(200, 3, 0, 64), 0);
  compute(lanes, ids(5, 0));
  std::vector<TokenId> other = ids(5, 0);
  other[4] = 99;  // shares four, and does not go on from them
  compute(lanes, other);
  EXPECT_EQ(lanes.find(ids(8, 0)).kept, 5U);
  EXPECT_EQ(lanes.find(ids(4, 0)).kept, 0U) << "a text does not take the lane of a longer one";
}

// Every slot says which text was stored there; whatever is kept must be in sight where it belongs.
TEST(DraftLanes, KeepsNothingThatWasWrittenOver) {
  std::mt19937 random(3);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  std::size_t kept_beyond_window = 0;
  for (int round = 0; round < 60; ++round) {
    const std::size_t window = below(3) == 0 ? 0 : 1 + below(150);
    const std::size_t chunk = 1 + below(200);
    const std::size_t context = 900;
    DraftLanes lanes(plan_of(context, 1 + below(3), window, chunk), window);
    std::map<std::int64_t, std::pair<std::size_t, std::size_t>> slots;  // position, prefix's hash
    const auto hash_of = [](std::span<const TokenId> tokens) {
      return std::accumulate(
          tokens.begin(), tokens.end(), std::size_t{7},
          [](std::size_t h, TokenId id) { return h * 1000003 + static_cast<std::size_t>(id); });
    };
    const auto write_last = [&](std::size_t lane, std::size_t count) {
      const std::span<const TokenId> tokens = lanes.tokens(lane);
      for (std::size_t p = tokens.size() - count; p < tokens.size(); ++p) {
        slots[lanes.slot(lane, p)] = {p, hash_of(tokens.first(p + 1))};
      }
      // What the first of them sees.
      const std::size_t first = tokens.size() - count;
      const std::size_t seen = window == 0 ? 0 : first + 1 - std::min(first + 1, window);
      for (std::size_t p = seen; p < tokens.size(); ++p) {
        ASSERT_EQ(slots[lanes.slot(lane, p)], std::pair(p, hash_of(tokens.first(p + 1))))
            << "position " << p << " of " << tokens.size() << ", window " << window;
      }
    };
    std::vector<std::vector<TokenId>> texts(3, std::vector<TokenId>(1 + below(50), 1));
    for (int step = 0; step < 120; ++step) {
      std::vector<TokenId>& text = texts[below(texts.size())];
      if (below(12) == 0) text.resize(1 + below(text.size()));
      const std::size_t more = below(8) == 0 ? below(150) : below(18);
      for (std::size_t i = 0; i < more && text.size() < context - 20; ++i) {
        text.push_back(static_cast<TokenId>(below(3)));
      }
      const DraftLanes::Place place = lanes.find(text);
      ASSERT_LT(place.kept, text.size());
      if (window > 0 && place.kept > 2 * window) ++kept_beyond_window;
      lanes.hold(place, text);
      const std::size_t count = std::min(chunk, text.size() - place.kept);
      lanes.append(place.lane, std::span(text).subspan(place.kept, count));
      ASSERT_NO_FATAL_FAILURE(write_last(place.lane, count));
      if (place.kept + count < text.size()) continue;
      for (std::size_t drafted = below(kMostDraftedTokens); drafted > 0; --drafted) {
        lanes.append_draft(place.lane, static_cast<TokenId>(below(3)));
        ASSERT_NO_FATAL_FAILURE(write_last(place.lane, 1));
      }
    }
  }
  EXPECT_GT(kept_beyond_window, 300U);
}

}  // namespace
}  // namespace bora
