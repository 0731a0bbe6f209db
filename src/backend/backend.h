// Backend: a device that holds tensors and runs the ops of a forward pass on them.
//
// Ops are immediate and run in the order they are called; what they wrote may be read by the host
// after synchronize(). Views passed in must stay valid until then. Shapes: T = tokens of the batch,
// H = hidden size, N = query heads, Nkv = key/value heads, D = head_dim. Activations are f32,
// row-major, contiguous unless said otherwise. Ops cannot fail on valid input: shapes and dtypes
// are our own invariants by then (CHECKed); what depends on a file has been validated by model/.
//
// Numerics (decision 2 of docs/architecture.md): for one (device, ISA, weight type, compute type) a
// row of any output depends on that row's inputs only, bit for bit: not on the other rows of the
// batch, the number of threads, or how a sequence was cut into chunks.
//
// Owner: one thread calls all ops (the engine's). It may be handed over whole, before its first op
// and after its last: to the thread that will call them, and back to be destroyed.
#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "kernels/attention.h"
#include "kernels/compute_type.h"
#include "kernels/rope.h"
#include "tensor/buffer.h"
#include "tensor/tensor_view.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace bora {

// out[t, :] = table[ids[t], :] * scale
struct EmbedParams {
  TensorView table;              // [vocab, H], any weight dtype
  std::span<const TokenId> ids;  // [T], each in [0, vocab)
  MutableTensorView out;         // [T, H]
  float scale = 1.0F;
};

// out[t, :] = x[t, :] / sqrt(mean(x[t, :]^2) + epsilon) * weight (+ out[t, :] where accumulate;
// https://arxiv.org/abs/1910.07467)
struct RmsNormParams {
  TensorView x;       // [T, H]
  TensorView weight;  // [H], f32, f16 or bf16
  float epsilon = 0.0F;
  MutableTensorView out;  // [T, H]; may be x where it does not accumulate
  bool accumulate = false;
};

// One weight of a linear op: out = x weight^T + bias (+ out where accumulate).
struct Projection {
  TensorView weight;      // [out_features, in_features], any weight dtype
  TensorView bias = {};   // [out_features], f32, f16 or bf16; empty: none
  MutableTensorView out;  // [T, out_features]
  bool accumulate = false;
};

// Several projections of the same activations, in one step (q, k, v; gate, up).
struct LinearParams {
  TensorView x;  // [T, in_features]
  std::span<const Projection> projections;
};

// Rotary position embedding, in place (https://arxiv.org/abs/2104.09864): pair i of each head (of
// the first 2 * inverse_frequencies.size() values, where fewer than D turn) turns
// by positions[t] * inverse_frequencies[i]; the angle is computed in float32, as transformers does.
struct RopeParams {
  MutableTensorView x;                      // [T, heads * D]
  std::size_t head_dim;                     // D; 2 * inverse_frequencies.size() values of it turn
  std::span<const std::int32_t> positions;  // [T]
  std::span<const float> inverse_frequencies;
  RopeStyle style;
  float attention_factor = 1.0F;  // multiplies cos and sin (YaRN; 1 otherwise)
};

// Keys and values of one layer, in blocks: block b holds block_tokens positions of one sequence.
// Layout of each of keys, values: [blocks, Nkv, block_tokens, D]. Slot s is position s %
// block_tokens of block s / block_tokens. block_tokens divides kAttentionSpan
// (kernels/attention.h).
struct KvLayer {
  std::byte* keys = nullptr;
  std::byte* values = nullptr;
  DType dtype = DType::kF32;  // f32, f16 or bf16
  std::size_t block_tokens = 0;
  std::size_t num_kv_heads = 0;
  std::size_t head_dim = 0;
};

struct StoreKvParams {
  TensorView keys;                             // [T, Nkv * D]
  TensorView values;                           // [T, Nkv * D]
  std::span<const std::int64_t> slot_mapping;  // [T], each slot written once
  KvLayer layer;
};

// What block `from` holds, block `to` holds too: all its positions, keys and values.
struct CopyKvParams {
  KvLayer layer;
  BlockId from;
  BlockId to;
};

// Causal attention of S sequences over their paged keys and values
// (https://arxiv.org/abs/2309.06180). Query t of sequence s stands at position context_lens[s] -
// query length of s + (t - cu_seqlens_q[s]) and sees positions p with p <= its own and, with a
// window, p > its own - window.
struct AttentionParams {
  TensorView q;  // [T, N * D]
  KvLayer layer;
  std::span<const std::int32_t> cu_seqlens_q;  // [S + 1], ascending from 0 to T
  std::span<const std::int32_t>
      context_lens;  // [S], positions stored, those of this batch included
  std::span<const std::int32_t> block_tables;  // [S, max_blocks_per_sequence]: block of positions
  std::size_t max_blocks_per_sequence;         //   [i * block_tokens, ...); -1 where none is needed
  float scale;                                 // multiplies q . k, usually 1 / sqrt(D)
  std::size_t sliding_window = 0;              // positions seen, the query's own included; 0: all
  float logit_softcap = 0.0F;                  // c * tanh(score / c); 0: none
  MutableTensorView out;                       // [T, N * D]
};

// out = silu(gate) * up, elementwise; silu(x) = x / (1 + exp(-x))
// (https://arxiv.org/abs/2002.05202)
struct SiluMulParams {
  TensorView gate;        // [T, I]
  TensorView up;          // [T, I]
  MutableTensorView out;  // [T, I]; may be gate or up
};

// out = gelu(gate) * up, elementwise, GELU in its tanh approximation
// (https://arxiv.org/abs/1606.08415)
struct GeluMulParams {
  TensorView gate;        // [T, I]
  TensorView up;          // [T, I]
  MutableTensorView out;  // [T, I]; may be gate or up
};

// x = cap * tanh(x / cap), elementwise, in place (https://arxiv.org/abs/2408.00118)
struct SoftcapParams {
  MutableTensorView x;
  float cap = 0.0F;  // more than 0
};

// The experts that compute each token of a mixture: those of its greatest logits, ascending by
// number, of equal ones the lower; the weights are the softmax of their logits
// (https://arxiv.org/abs/2401.04088). The results lie in host memory, to be read after
// synchronize().
struct RouteParams {
  TensorView logits;                // [T, experts]
  std::size_t chosen = 0;           // K, of each token
  std::span<std::int32_t> experts;  // [T, K]
  MutableTensorView weights;        // [T, K]
};

// out[rows[i], :] += weights[i] * x[i, :]
struct AddRowsParams {
  TensorView x;                        // [count, H]
  std::span<const std::int32_t> rows;  // [count], each at most once
  TensorView weights;                  // [count]
  MutableTensorView out;               // [T, H]
};

class Backend {
 public:
  Backend() = default;
  virtual ~Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  Backend(Backend&&) = delete;
  Backend& operator=(Backend&&) = delete;

  // "cpu"; the instruction set or GPU that runs the kernels, e.g. "avx2".
  [[nodiscard]] virtual std::string_view device() const = 0;
  [[nodiscard]] virtual std::string_view isa() const = 0;
  [[nodiscard]] virtual int threads() const = 0;
  // Parts of the host's memory, each nearer to some of the threads than to others (NUMA nodes).
  [[nodiscard]] virtual int nodes() const = 0;

  // The calling thread is the one that calls the ops from now on, and for long: it may be bound to
  // the CPUs that suit.
  virtual void adopt_thread() = 0;

  // Memory the ops may use, zero-filled. Errors: kDoesNotFit.
  virtual Result<Buffer> allocate(std::size_t bytes, Fill fill) = 0;

  // The weight of a linear op (or several, or the table of embed()) copied to `to`, of which no
  // page was written before: each page comes to lie near to those that read it in linear(), and the
  // rows as linear() likes them best, in as many bytes.
  virtual TensorView copy_weight(TensorView weight, std::byte* to) = 0;

  // Prepares for batches of at most `max_tokens` rows of at most `max_columns` values, so that the
  // ops need no memory afterwards. Errors: kDoesNotFit.
  virtual Result<void> reserve(std::size_t max_tokens, std::size_t max_columns) = 0;

  // Bytes that the backend holds after reserve() with the same arguments.
  [[nodiscard]] virtual std::size_t reserve_bytes(std::size_t max_tokens,
                                                  std::size_t max_columns) const = 0;

  virtual void embed(const EmbedParams& params) = 0;
  virtual void rms_norm(const RmsNormParams& params) = 0;
  virtual void linear(const LinearParams& params) = 0;
  virtual void rope(const RopeParams& params) = 0;
  virtual void store_kv(const StoreKvParams& params) = 0;
  virtual void copy_kv(const CopyKvParams& params) = 0;
  virtual void attention(const AttentionParams& params) = 0;
  virtual void silu_mul(const SiluMulParams& params) = 0;
  virtual void gelu_mul(const GeluMulParams& params) = 0;
  virtual void softcap(const SoftcapParams& params) = 0;
  virtual void route(const RouteParams& params) = 0;
  virtual void add_rows(const AddRowsParams& params) = 0;

  // A step (many ops in a row) begins or ends: within one, workers stay hot (CPU) or a stream is
  // filled (GPU). Calls do not nest.
  virtual void begin_step() = 0;
  virtual void end_step() = 0;
  virtual void synchronize() = 0;
};

}  // namespace bora
