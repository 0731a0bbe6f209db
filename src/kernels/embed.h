// embed: rows of a table, widened to f32, times a scale.
//
//   out[t, i] = table[ids[t], i] * scale
//
// The scale rounds once; 1 leaves all bits. Widening is exact for f32, f16, bf16, q8_0, q4_0 and
// q6_k (a product of short significands fits f32); q4_1, q4_k and q5_k round once on every ISA, in
// the sum of the product and the minimum: relative error 2^-24 of the value. The table may lie at
// any address.
#pragma once

#include "base/ids.h"
#include "tensor/dtype.h"

#include <cstddef>

namespace bora::kernels {

// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): -Wextra tells what a caller left out.
struct EmbedArgs {
  const std::byte* table;  // [vocab, columns], rows row_stride bytes apart
  std::size_t row_stride;  // bytes
  DType dtype;             // any
  const TokenId* ids;      // [tokens], each a row of the table
  std::size_t tokens;      //
  std::size_t columns;     // a whole number of blocks of dtype
  float* out;              // [tokens, columns], no alias
  float scale = 1.0F;
  std::size_t interleaved = 1;  // as LinearArgs::interleaved
};

namespace reference {
void embed(const EmbedArgs& args);
}  // namespace reference

}  // namespace bora::kernels
