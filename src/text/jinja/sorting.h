// A stable merge sort that stays within bounds whatever the comparison answers: one that fails half
// way, or orders NaN inconsistently, is undefined behaviour in std::sort.
#pragma once

#include "text/jinja/runtime.h"

#include <iterator>
#include <vector>

namespace bora::jinja {

template <class T, class Less>
void stable_sort(Runtime& rt, std::vector<T>& items, const Less& less) {
  std::vector<T> merged;
  for (size_t width = 1; width < items.size() && !rt.failed(); width *= 2) {
    merged.clear();
    merged.reserve(items.size());
    for (size_t begin = 0; begin < items.size(); begin += 2 * width) {
      size_t left = begin;
      const size_t middle = std::min(begin + width, items.size());
      size_t right = middle;
      const size_t end = std::min(begin + 2 * width, items.size());
      while (left < middle || right < end) {
        const bool take_right = left == middle || (right < end && less(items[right], items[left]));
        merged.push_back(std::move(items[take_right ? right++ : left++]));
      }
    }
    items.swap(merged);
  }
}

}  // namespace bora::jinja
