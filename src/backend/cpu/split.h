// How work is cut into one contiguous range per worker.
#pragma once

#include <algorithm>
#include <cstddef>

namespace bora {

struct Range {
  std::size_t begin = 0;
  std::size_t end = 0;
  [[nodiscard]] bool empty() const { return begin >= end; }
  [[nodiscard]] std::size_t size() const { return end - begin; }
};

// Worker `worker`'s part of [0, total), in multiples of `tile` but for the end of the last. Parts
// differ by at most one tile.
inline Range part_of(std::size_t total, std::size_t tile, int worker, int workers) {
  const std::size_t tiles = (total + tile - 1) / tile;
  const auto index = static_cast<std::size_t>(worker);
  const auto count = static_cast<std::size_t>(workers);
  return {std::min(total, tiles * index / count * tile),
          std::min(total, tiles * (index + 1) / count * tile)};
}

// The part of [0, total) that the workers [first, first + count) have together.
inline Range part_of_group(std::size_t total, std::size_t tile, int first, int count, int workers) {
  return {part_of(total, tile, first, workers).begin,
          part_of(total, tile, first + count - 1, workers).end};
}

// Memory that different threads write is kept apart by pages.
constexpr std::size_t whole_pages(std::size_t bytes) {
  constexpr std::size_t kPage = 4096;
  return (bytes + kPage - 1) / kPage * kPage;
}

inline Range intersect(Range a, Range b) {
  const std::size_t begin = std::max(a.begin, b.begin);
  return {begin, std::max(begin, std::min(a.end, b.end))};
}

}  // namespace bora
