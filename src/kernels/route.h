// route: which experts of a mixture compute a token, and how much each of them counts
// (https://arxiv.org/abs/2401.04088).
//
//   experts[t, :] = the `chosen` experts of the greatest logits[t, :], ascending by number; of
//   equal
//                   logits the lower number first, NaN last
//   weights[t, :] = softmax of their logits, which is the softmax over all, made to sum to 1
//
// In double, in the order of the numbers, rounded once: the same on every ISA.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bora::kernels {

struct RouteArgs {
  const float* logits;  // [tokens, experts]
  std::size_t tokens;
  std::size_t experts;
  std::size_t chosen;    // at most `experts`
  std::int32_t* routes;  // [tokens, chosen], the experts' numbers
  float* weights;        // [tokens, chosen]
};

void route(const RouteArgs& args) noexcept;

}  // namespace bora::kernels
