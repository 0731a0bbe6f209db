// The value of one weight, read one at a time: the definition that every widening is held to.
#pragma once

#include "tensor/dtype.h"

#include <cstddef>

namespace bora::kernels::reference {

// Value k of a row of `dtype` that starts at `row` (any alignment), exactly.
double weight_value(DType dtype, const std::byte* row, std::size_t k);

}  // namespace bora::kernels::reference
