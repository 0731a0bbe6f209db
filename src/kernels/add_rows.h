// add_rows: adds weighted rows to the rows of another matrix: what an expert of a mixture computed
// for some tokens.
//
//   out[rows[i], :] += weights[i] * x[i, :]
//
// A product and a sum, each rounded, never fused, so every ISA gives the same bits; |error| <= u
// |weights x| + u |result|, u = 2^-24.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bora::kernels {

struct AddRowsArgs {
  const float* x;  // [count, columns]
  std::size_t count;
  std::size_t columns;
  const std::int32_t* rows;  // [count], each at most once
  const float* weights;      // [count]
  float* out;                // [*, columns], no alias with x
};

namespace reference {
void add_rows(const AddRowsArgs& args);
}  // namespace reference

}  // namespace bora::kernels
