// The recipe: which tensors of a checkpoint `--weights int8|int4` writes anew, in which type, and
// where each lies in the file that holds them. Decided from headers alone.
//
// Weights of two and more dimensions whose rows are whole groups of 32 are written; norms and
// biases (one dimension) and the routers of mixtures of experts, which are small and decide much,
// stay as they are stored, and so do rows that no group divides and types that no view shows. With
// int4 the embedding and the output projection are int8: see docs/numerics.md for what that buys. A
// tensor that has the wanted type already stays where it is.
#pragma once

#include "formats/checkpoint.h"
#include "formats/stored_tensor.h"
#include "tensor/dtype.h"

#include <cstdint>
#include <string>
#include <vector>

namespace bora {

// Tensors of the quantized file, in the order of the source's data. `offset` counts from the first
// tensor's data and is a multiple of kTensorAlignment.
struct Recipe {
  std::vector<StoredTensor> tensors;
  std::uint64_t data_bytes = 0;    // from the first tensor's data to the end of the last
  std::uint64_t source_bytes = 0;  // what has to be read
  std::vector<std::string> kept;   // names of weights whose rows no group divides
};

inline constexpr std::uint64_t kTensorAlignment = 64;  // a cache line

// `weights`: q8_0 for int8, q4_0 for int4. Precondition: has_codec(weights).
Recipe make_recipe(const Checkpoint& source, DType weights);

}  // namespace bora
