// Writing a weight anew in another plain type, at load.
#pragma once

#include "base/result.h"
#include "base/thread_pool.h"
#include "tensor/buffer.h"
#include "tensor/tensor_view.h"

namespace bora {

// The tensor in `dtype` (f32, f16 or bf16), each value rounded to nearest, ties to even; rows are
// split over the pool. Errors: kDoesNotFit; kBadModel where a finite value becomes infinite (f16
// ends at 65504).
Result<Buffer> convert_weights(TensorView weights, DType dtype, ThreadPool& pool);

// A vector of a plain type in f32, `offset` added to each value. Errors: kDoesNotFit.
Result<Buffer> add_offset(TensorView vector, float offset);

}  // namespace bora
