// Model: the weights of one network and its forward pass.
//
// Weights are views into the checkpoint's map, which must outlive the model, or buffers of its own
// where they were converted at load. Immutable after load, but for the context that it is told
// of: forward() changes the cache, the workspace and the logits only. Errors: only loading fails;
// forward() gets batches the engine has validated. Owner: the engine's thread.
#pragma once

#include "backend/backend.h"
#include "base/result.h"
#include "model/forward_batch.h"
#include "model/kv_cache.h"
#include "model/model_config.h"
#include "model/workspace.h"
#include "tensor/buffer.h"
#include "tensor/tensor_view.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace bora {

class Checkpoint;

// Weights that each token's activations are multiplied with.
struct Product {
  DType dtype;
  std::size_t values;
  bool for_logits;  // only of tokens whose logits are wanted
};

// The weights a model was bound to, in the order a forward pass reads them.
struct BoundWeights {
  std::vector<TensorView> in_use_order;
  TensorView embedding;             // of which a step reads one row a token
  bool tied_embedding = false;      // it is the output projection too, which a step reads whole
  std::size_t idle_bytes = 0;       // of the experts that a token does not choose
  std::vector<Product> products;    // what forward() does with them for a token
  std::vector<Buffer> owned;        // what was converted or copied at load
  std::size_t converted_bytes = 0;  // of `owned`; in an outline, what it will be
  std::size_t copied_bytes = 0;     // of `owned`: as they were stored
  std::size_t copyable_bytes = 0;   // of matrices that lie where they are stored
};

class Model {
 public:
  virtual ~Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;
  Model(Model&&) = delete;
  Model& operator=(Model&&) = delete;

  [[nodiscard]] const ModelConfig& config() const { return config_; }

  // How many positions a sequence may reach: max_position_embeddings until the engine tells its own
  // choice, before the first step. LongRoPE turns by it (rope.h).
  [[nodiscard]] std::size_t context_length() const { return context_length_; }
  void set_context_length(std::size_t positions) { context_length_ = positions; }

  // Appends the batch's keys and values to the cache and writes the logits of `logits_rows`, in
  // that order, to `logits` [R, vocab_size] f32. R may be 0. The caller brackets it with
  // Backend::begin_step() / end_step() and synchronizes before it reads.
  virtual void forward(Backend& backend, const ForwardBatch& batch, const KvCache& cache,
                       Workspace& workspace, MutableTensorView logits) const = 0;

  [[nodiscard]] virtual KvShape kv_shape() const;

  // Room forward() needs in the workspace for batches of `tokens` tokens, in f32 values, and the
  // widest row of activations it hands to an op (Backend::reserve).
  [[nodiscard]] virtual std::size_t workspace_values(std::size_t tokens) const = 0;
  [[nodiscard]] virtual std::size_t max_columns() const;

  // Every weight in the order a step reads them, for read-ahead.
  [[nodiscard]] std::span<const TensorView> weights() const { return weights_.in_use_order; }

  // Bytes of weights a decode step reads: all of them but the experts it does not choose and the
  // embedding table, of which it reads a row a token (unless the table is the output projection
  // too).
  [[nodiscard]] std::size_t weight_bytes_per_token() const;

  // The matrix products of a token, of the experts those that it chooses.
  [[nodiscard]] std::span<const Product> products() const { return weights_.products; }

  // Bytes of weights altogether; those of them that lie in memory of the model's own; and those
  // that will when an outline (model/registry.h) is loaded, the same where it is.
  [[nodiscard]] std::size_t weight_bytes() const;
  [[nodiscard]] std::size_t owned_bytes() const;
  [[nodiscard]] std::size_t converted_bytes() const { return weights_.converted_bytes; }
  // Of those that lie in memory of the model's own, what was copied as stored; and what could be.
  [[nodiscard]] std::size_t copied_bytes() const { return weights_.copied_bytes; }
  [[nodiscard]] std::size_t copyable_bytes() const { return weights_.copyable_bytes; }

  // Memory that weights lie in.
  void keep(Buffer weights) { weights_.owned.push_back(std::move(weights)); }

  // The type most of the weights have ("bf16", "q4_1"), for reports.
  [[nodiscard]] std::string_view weight_type() const;

 protected:
  Model(ModelConfig config, BoundWeights weights)
      : config_(std::move(config)),
        weights_(std::move(weights)),
        context_length_(config_.max_position_embeddings) {}

 private:
  ModelConfig config_;
  BoundWeights weights_;
  std::size_t context_length_;
};

}  // namespace bora
