// LruList: some of the indices 0 to capacity - 1 in an order, the longest untouched in front.
//
// Doubly linked through an array: every operation takes constant time and allocates nothing.
// Owner: one thread.
#pragma once

#include "base/check.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bora {

class LruList {
 public:
  explicit LruList(std::size_t capacity)
      : end_(static_cast<std::int32_t>(capacity)), links_(capacity + 1) {
    links_[capacity] = {end_, end_};
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool contains(std::int32_t index) const {
    return links_[static_cast<std::size_t>(index)].next != kAbsent;
  }
  // Precondition: size() > 0.
  [[nodiscard]] std::int32_t front() const { return links_.back().next; }

  // Precondition: not contained.
  void push_back(std::int32_t index) {
    DCHECK(!contains(index), "an index is in the list once");
    const std::int32_t last = at(end_).previous;
    at(last).next = index;
    at(index) = {last, end_};
    at(end_).previous = index;
    ++size_;
  }

  // Precondition: contained.
  void remove(std::int32_t index) {
    DCHECK(contains(index), "an index of the list");
    const Links links = at(index);
    at(links.previous).next = links.next;
    at(links.next).previous = links.previous;
    at(index) = {};
    --size_;
  }

  void move_to_back(std::int32_t index) {
    remove(index);
    push_back(index);
  }

 private:
  static constexpr std::int32_t kAbsent = -1;
  struct Links {
    std::int32_t previous = kAbsent;
    std::int32_t next = kAbsent;
  };

  Links& at(std::int32_t index) { return links_[static_cast<std::size_t>(index)]; }

  std::int32_t end_;  // the index that stands before the front and behind the back
  std::size_t size_ = 0;
  std::vector<Links> links_;
};

}  // namespace bora
