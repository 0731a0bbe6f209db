// Writing a weight anew in another type, at load: a plain one that was asked for, or, of a packed
// type, the one it is widened to.
#pragma once

#include "base/result.h"
#include "base/thread_pool.h"
#include "tensor/buffer.h"
#include "tensor/tensor_view.h"

#include <string>

namespace bora {

class Checkpoint;
struct PackedType;

// A weight as a checkpoint holds it.
struct StoredWeight {
  // Of a packed type: with the type and size that it is widened to, but where the packed bytes lie.
  TensorView view;
  const PackedType* packed = nullptr;  // formats/packed.h
};

// The tensor in `dtype`, each value rounded to nearest, ties to even; rows are split over the pool.
// dtype: f32, f16 or bf16; of a packed weight also the view's. Errors: kDoesNotFit; kBadModel where
// a finite value becomes infinite (f16 ends at 65504).
Result<Buffer> convert_weights(const StoredWeight& weight, DType dtype, ThreadPool& pool);

// "30 of 272 tensors (Q5_0, IQ4_NL) are widened at load, 61 MB to 95 MB of memory"; empty where
// the checkpoint has none of a packed type.
std::string widening_note(const Checkpoint& checkpoint);

// A vector of a plain type in f32, `offset` added to each value. Errors: kDoesNotFit.
Result<Buffer> add_offset(TensorView vector, float offset);

}  // namespace bora
