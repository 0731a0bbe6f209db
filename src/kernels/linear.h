// linear: rows of a weight times activations.
//
//   out[t, r] = sum_k weight[r, k] * x[t, k] + bias[r] (+ out[t, r] where accumulate)
//
// Arithmetic, the same for one token and for many (decision 2 of docs/architecture.md): a weight is
// widened to f32 (exact where it has no minimum, see embed.h), multiplied and added into one vector
// of partial sums per output, k ascending; the lanes are added at the end in a fixed shape, then
// bias, then out. Tolerance, with u = 2^-24: |error| <= (k / lanes + lanes + 4) u * sum_k |weight
// x| + 2u |out|; twice the first term where the ISA multiplies and adds in two roundings. Bits of
// an output depend on its weight row and its token alone.
//
// Where the table says bf16_activations, bf16 weights have an arithmetic of their own: activations
// are rounded to bf16 (to nearest even; subnormals to zero), products of pairs are added in f32,
// the second of a pair first, each sum rounded; the rest as above. Rounding moves an activation by
// at most 2^-8 of itself, so the bound grows by (2^-8 + 2^-8 (k / lanes + lanes + 4) u) * sum_k
// |weight x|. What is below 2^-126, of weights, activations and partial sums, counts as zero: at
// most 2^-126 * (sum_k (|weight| + |x|) + k) more.
//
// Where the table has tile_activations(), the products of 32 values are added first: in one sum
// those of even k, in another those of odd k, each ascending in fused multiply-adds, then both sums
// to each other and that to the output's only partial sum; the bounds are the same, and rows of any
// length.
//
// Where the table says int16_activations, so have quantized weights: they are multiplied with
// activations that round_activations() rounded to int16 (kernels/activations.h), and x is not read.
// An int32 total, exact, adds the products of codes of 32 values (q8_0, q4_0, q4_1, q6_k), 64
// (q5_k) or 128 (q4_k); the integer scales within a super-block multiply its codes. Then, in f32,
// for each group of 256 values ascending: group = the sum of total * scale, ascending, then of
// minimum * sum of codes, ascending; out += group * the scale of the activations; each a
// multiply-add. So all ISAs that fuse it give the same bits. Tolerance, with l the largest |x| of
// a group: |error| <= sum_k |weight| l / 32500 + (in_features / 256 + 18) u * sum_k (|scale code| +
// |minimum|) (|x| + l / 32500) + 2u |out|; twice the second term in two roundings. Groups of x
// below 2^-100 count as zeros; a NaN or an infinity in x makes all outputs of its token NaN.
#pragma once

#include "tensor/dtype.h"

#include <cstddef>

namespace bora::kernels {

struct LinearArgs {
  const float* x;             // [tokens, in_features]
  std::size_t tokens;         //
  std::size_t in_features;    // a whole number of blocks of weight_dtype
  const std::byte* weight;    // [rows, in_features], any alignment
  std::size_t weight_stride;  // bytes between rows
  DType weight_dtype;         // any
  std::size_t rows;           //
  const std::byte* bias;      // [rows], any alignment; nullptr: none
  DType bias_dtype;           // f32, f16 or bf16
  float* out;                 // [tokens, rows], no alias with x
  std::size_t out_stride;     // values between rows
  bool accumulate;            //
  std::byte* workspace;       // kLinearWorkspaceBytes, aligned to 64, of this call alone
  // How many rows of weight lie together (tensor/interleaved.h), weight_stride being the bytes of
  // one: 1 or, of quantized weights where the table says int16_activations, its lanes, of which
  // `rows` is then a multiple. The bits of the outputs are the same. The reference takes 1 only.
  std::size_t interleaved = 1;
  // From how many places the weights of few tokens are read at once where the kernel has the
  // choice: 1 or kManyStreams, as CpuFeatures says. The bits of the outputs are the same.
  std::size_t streams = 1;
  // x as round_activations() gives it, where the table and the weights ask for it; else not read.
  const std::byte* rounded = nullptr;
  // x as round_pairs() gives it, where the table has that, for bf16 weights; else not read.
  const std::byte* pairs = nullptr;
  // x, or `rounded`, as tile_activations() gives it, where the table has that, for bf16 weights and
  // for quantized ones and kIntegerTileTokens or more; else not read.
  const std::byte* tiles = nullptr;
};

inline constexpr std::size_t kManyStreams = 4;

// Enough for the panel and partial sums of every ISA's blocking; checked where a table is made.
inline constexpr std::size_t kLinearWorkspaceBytes = std::size_t{1} << 20;

namespace reference {
void linear(const LinearArgs& args);  // needs no workspace
}  // namespace reference

}  // namespace bora::kernels
