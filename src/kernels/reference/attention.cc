#include "kernels/attention.h"

#include "kernels/reference/weights.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace bora::kernels::reference {
namespace {

double cached(const AttentionArgs& args, const std::byte* cache, std::size_t position,
              std::size_t i) {
  const auto block = static_cast<std::size_t>(args.block_table[position / args.block_tokens]);
  const std::byte* row = cache + block * args.block_stride;
  return weight_value(args.dtype, row, (position % args.block_tokens) * args.head_dim + i);
}

double score(const AttentionArgs& args, const float* q, std::size_t position) {
  double dot = 0.0;
  for (std::size_t i = 0; i < args.head_dim; ++i) {
    dot += static_cast<double>(q[i]) * cached(args, args.keys, position, i);
  }
  const double scaled = dot * static_cast<double>(args.scale);
  const auto cap = static_cast<double>(args.softcap);
  return cap == 0.0 ? scaled : cap * std::tanh(scaled / cap);
}

}  // namespace

void attention(const AttentionArgs& args) {
  for (std::size_t row = args.row_begin; row < args.row_end; ++row) {
    const std::size_t token = row / args.group;
    const std::size_t offset = token * args.token_stride + (row % args.group) * args.head_dim;
    const std::size_t end = args.first_position + token + 1;
    const std::size_t begin = args.window == 0 || args.window >= end ? 0 : end - args.window;

    std::vector<double> weights;
    for (std::size_t p = begin; p < end; ++p) weights.push_back(score(args, args.q + offset, p));
    const double maximum = *std::max_element(weights.begin(), weights.end());
    double sum = 0.0;
    for (double& weight : weights) sum += weight = std::exp(weight - maximum);

    for (std::size_t i = 0; i < args.head_dim; ++i) {
      double mean = 0.0;
      for (std::size_t p = begin; p < end; ++p) {
        mean += weights[p - begin] * cached(args, args.values, p, i);
      }
      args.out[offset + i] = static_cast<float>(mean / sum);
    }
  }
}

}  // namespace bora::kernels::reference
