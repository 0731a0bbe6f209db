// The limits that bench holds speeds against: what a token takes of the memory and of the cores,
// and how fast those are at best (a roofline, https://doi.org/10.1145/1498765.1498785).
#pragma once

#include "engine/engine.h"
#include "tensor/dtype.h"

#include <array>
#include <cstddef>

namespace bora {

// A value for each type of weights.
using ByType = std::array<double, kDTypes.size()>;

// As the probes find them.
struct Roofs {
  double read_bandwidth_gb_s = 0.0;
  ByType gops{};  // of linear()'s inner loop; 0: not probed
};

// Of each the better one: other load only makes a probe slower.
Roofs better_of(const Roofs& a, const Roofs& b);

// What a token takes, on average: bytes read from memory, and operations (two a multiply-add) of
// linear() by the type of its weights. Attention is computed in f32 and counts with that type.
struct Work {
  double bytes = 0.0;
  ByType operations{};

  [[nodiscard]] double total_operations() const;
  [[nodiscard]] double intensity() const { return total_operations() / bytes; }
};

// Of what is measured: `tokens` of a prompt or of an answer, at that depth, for each of a batch.
struct WorkShape {
  std::size_t tokens = 0;
  std::size_t depth = 0;
  std::size_t batch = 1;
  std::size_t chunk = 512;  // tokens of a prompt that are computed together
};

// A prompt reads the weights, and the cache so far, once a chunk. Of its tokens only the last of a
// sequence goes through what serves the logits.
Work prefill_work(const Engine& engine, const WorkShape& shape);
// A step reads the weights once for the batch, and each sequence's cache, which is counted halfway
// through the answer.
Work decode_work(const Engine& engine, const WorkShape& shape);

// The rate at which the inner loops of that mixture of operations run, Gop/s.
double compute_roof_gops(const Work& work, const Roofs& roofs);

struct Limit {
  double tokens_per_s = 0.0;  // of the whole batch
  bool by_memory = false;     // else by the cores
};

// The slower one of reading all bytes and computing all operations, each at its roof.
Limit limit_of(const Work& work, const Roofs& roofs);

}  // namespace bora
