#include "cli/bench_limits.h"

#include <algorithm>

namespace bora {
namespace {

constexpr double kGiga = 1e9;

double& of_type(ByType& values, DType dtype) { return values[static_cast<std::size_t>(dtype)]; }

// Positions that the queries at [begin, end) see together, each at most `window` (0: all).
double positions_seen(std::size_t begin, std::size_t end, std::size_t window) {
  const auto sum_to = [](std::size_t n) {  // 1 + 2 + .. + n
    return static_cast<double>(n) * static_cast<double>(n + 1) / 2;
  };
  const std::size_t whole = window == 0 ? end : std::clamp(window, begin, end);
  return sum_to(whole) - sum_to(begin) +
         static_cast<double>(end - whole) * static_cast<double>(window);
}

// Of attention for the queries at [begin, end) of a sequence: q . k and the sum of v.
double attention_operations(const ModelConfig& config, std::size_t begin, std::size_t end) {
  double positions = 0.0;
  for (std::size_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    positions += positions_seen(begin, end, config.window_of(layer));
  }
  return positions * 4 * static_cast<double>(config.num_attention_heads * config.head_dim);
}

// Of linear(), for `tokens` tokens of which `with_logits` have logits.
ByType linear_operations(const Model& model, double tokens, double with_logits) {
  ByType operations{};
  for (const Product& product : model.products()) {
    of_type(operations, product.dtype) +=
        2 * static_cast<double>(product.values) * (product.for_logits ? with_logits : tokens);
  }
  return operations;
}

// Spread evenly over `tokens` tokens.
Work each_of(Work work, double tokens) {
  work.bytes /= tokens;
  for (double& operations : work.operations) operations /= tokens;
  return work;
}

}  // namespace

Roofs better_of(const Roofs& a, const Roofs& b) {
  Roofs best = a;
  best.read_bandwidth_gb_s = std::max(a.read_bandwidth_gb_s, b.read_bandwidth_gb_s);
  for (std::size_t i = 0; i < best.gops.size(); ++i) best.gops[i] = std::max(a.gops[i], b.gops[i]);
  return best;
}

double Work::total_operations() const {
  double total = 0.0;
  for (const double count : operations) total += count;
  return total;
}

Work prefill_work(const Engine& engine, const WorkShape& shape) {
  const auto batch = static_cast<double>(shape.batch);
  const double tokens = batch * static_cast<double>(shape.tokens);
  const std::size_t chunks = (shape.batch * shape.tokens + shape.chunk - 1) / shape.chunk;
  const std::size_t end = shape.depth + shape.tokens;
  Work work;
  work.bytes = static_cast<double>(chunks * engine.model().weight_bytes_per_token());
  for (std::size_t seen = shape.depth; seen < end;) {
    seen = std::min(end, seen + shape.chunk);
    work.bytes += batch * static_cast<double>(engine.kv_bytes_read_per_token(seen));
  }
  work.operations = linear_operations(engine.model(), tokens, batch);
  of_type(work.operations, DType::kF32) +=
      batch * attention_operations(engine.model().config(), shape.depth, end);
  return each_of(work, tokens);
}

Work decode_work(const Engine& engine, const WorkShape& shape) {
  const auto batch = static_cast<double>(shape.batch);
  const std::size_t halfway = std::max<std::size_t>(shape.depth, 1) + shape.tokens / 2;
  Work work;
  work.bytes = static_cast<double>(engine.model().weight_bytes_per_token()) +
               batch * static_cast<double>(engine.kv_bytes_read_per_token(halfway));
  work.operations = linear_operations(engine.model(), batch, batch);
  of_type(work.operations, DType::kF32) +=
      batch * attention_operations(engine.model().config(), halfway - 1, halfway);
  return each_of(work, batch);
}

double compute_roof_gops(const Work& work, const Roofs& roofs) {
  double seconds = 0.0;
  for (std::size_t i = 0; i < kDTypes.size(); ++i) {
    if (work.operations[i] > 0.0) seconds += work.operations[i] / (roofs.gops[i] * kGiga);
  }
  return work.total_operations() / seconds / kGiga;
}

Limit limit_of(const Work& work, const Roofs& roofs) {
  const double by_memory = roofs.read_bandwidth_gb_s * kGiga / work.bytes;
  const double by_cores = compute_roof_gops(work, roofs) * kGiga / work.total_operations();
  return {std::min(by_memory, by_cores), by_memory < by_cores};
}

}  // namespace bora
