#include "kernels/route.h"

#include <algorithm>
#include <cmath>

namespace bora::kernels {
namespace {

bool is_greater(float a, float b) { return a > b || (std::isnan(b) && !std::isnan(a)); }

// The best expert that is not among the `count` chosen ones.
std::size_t best_of_the_rest(const float* logits, std::size_t experts, const std::int32_t* chosen,
                             std::size_t count) {
  std::size_t best = experts;
  for (std::size_t e = 0; e < experts; ++e) {
    if (std::find(chosen, chosen + count, static_cast<std::int32_t>(e)) != chosen + count) continue;
    if (best == experts || is_greater(logits[e], logits[best])) best = e;
  }
  return best;
}

void route_token(const float* logits, std::size_t experts, std::size_t chosen, std::int32_t* routes,
                 float* weights) {
  for (std::size_t i = 0; i < chosen; ++i) {
    routes[i] = static_cast<std::int32_t>(best_of_the_rest(logits, experts, routes, i));
  }
  const auto greatest = static_cast<double>(logits[routes[0]]);
  std::sort(routes, routes + chosen);
  const auto share = [&](std::size_t i) {
    return std::exp(static_cast<double>(logits[routes[i]]) - greatest);
  };
  double sum = 0.0;
  for (std::size_t i = 0; i < chosen; ++i) sum += share(i);
  for (std::size_t i = 0; i < chosen; ++i) weights[i] = static_cast<float>(share(i) / sum);
}

}  // namespace

void route(const RouteArgs& args) noexcept {
  for (std::size_t t = 0; t < args.tokens; ++t) {
    route_token(args.logits + t * args.experts, args.experts, args.chosen,
                args.routes + t * args.chosen, args.weights + t * args.chosen);
  }
}

}  // namespace bora::kernels
