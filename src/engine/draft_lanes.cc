#include "engine/draft_lanes.h"

#include "base/check.h"
#include "plan/kv_blocks.h"

#include <algorithm>

namespace bora {
namespace {

std::size_t common_length(std::span<const TokenId> a, std::span<const TokenId> b) {
  const auto [end, other] = std::ranges::mismatch(a, b);
  return static_cast<std::size_t>(end - a.begin());
}

std::size_t table_length(std::size_t context_length) {
  return (context_length + kKvBlockTokens - 1) / kKvBlockTokens;
}

}  // namespace

DraftLanes::DraftLanes(const DraftPlan& plan, std::size_t window)
    : context_length_(plan.context_length),
      lane_blocks_(plan.lane_blocks),
      window_(window),
      lanes_(plan.lanes) {
  for (Lane& lane : lanes_) lane.tokens.reserve(context_length_);
  const std::size_t length = table_length(context_length_);
  for (std::size_t lane = 0; lane < lanes_.size(); ++lane) {
    for (std::size_t i = 0; i < length; ++i) {
      block_tables_.push_back(static_cast<std::int32_t>(lane * lane_blocks_ + i % lane_blocks_));
    }
  }
}

// Whether no block that a query at the position sees was used again for a later one.
bool DraftLanes::holds_all_seen_from(const Lane& lane, std::size_t position) const {
  if (window_ == 0 || lane.written == 0) return true;
  const std::size_t first_seen = position + 1 - std::min(position + 1, window_);
  const std::size_t last_written = lane.written - 1;
  return last_written / kKvBlockTokens < first_seen / kKvBlockTokens + lane_blocks_;
}

DraftLanes::Place DraftLanes::find(std::span<const TokenId> tokens) const {
  CHECK(!tokens.empty() && tokens.size() <= context_length_, "a text that fits into a lane");
  Place found;
  std::size_t common = 0;
  const Lane* best = nullptr;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    const Lane& lane = lanes_[i];
    const std::size_t length = common_length(lane.tokens, tokens);
    if (lane.of_text == 0 || length < lane.of_text) continue;
    if (best != nullptr && length <= common) continue;
    best = &lane;
    common = length;
    found.lane = i;
  }
  if (best == nullptr) {
    const auto oldest = std::ranges::min_element(lanes_, {}, &Lane::last_use);
    found.lane = static_cast<std::size_t>(oldest - lanes_.begin());
    best = &*oldest;
    common = common_length(oldest->tokens, tokens);
  }
  found.kept = std::min(common, tokens.size() - 1);
  if (!holds_all_seen_from(*best, found.kept)) found.kept = 0;
  return found;
}

void DraftLanes::hold(Place place, std::span<const TokenId> tokens) {
  Lane& lane = lanes_[place.lane];
  lane.tokens.assign(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(place.kept));
  lane.of_text = place.kept;
  if (place.kept == 0) lane.written = 0;
  lane.last_use = ++uses_;
}

void DraftLanes::append(std::size_t index, std::span<const TokenId> tokens) {
  Lane& lane = lanes_[index];
  CHECK(lane.tokens.size() + tokens.size() <= context_length_, "a lane ends with its context");
  lane.tokens.insert(lane.tokens.end(), tokens.begin(), tokens.end());
  lane.of_text = lane.tokens.size();
  lane.written = std::max(lane.written, lane.tokens.size());
}

void DraftLanes::append_draft(std::size_t index, TokenId id) {
  const std::size_t of_text = lanes_[index].of_text;
  append(index, {&id, 1});
  lanes_[index].of_text = of_text;
}

std::int64_t DraftLanes::slot(std::size_t lane, std::size_t position) const {
  const std::int32_t block = block_table(lane)[position / kKvBlockTokens];
  return static_cast<std::int64_t>(block) * static_cast<std::int64_t>(kKvBlockTokens) +
         static_cast<std::int64_t>(position % kKvBlockTokens);
}

std::span<const std::int32_t> DraftLanes::block_table(std::size_t lane) const {
  const std::size_t length = table_length(context_length_);
  return std::span(block_tables_).subspan(lane * length, length);
}

}  // namespace bora
