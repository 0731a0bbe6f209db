// WeightBinder: hands an architecture its weights by name and shape, and gathers everything that is
// wrong with a checkpoint into one error.
//
// Names are Hugging Face's ("model.layers.0.self_attn.q_proj.weight"); for a GGUF file they are
// translated (gguf_names.h). A request that fails gives an empty view and is remembered for
// finish(), so an architecture asks for all it needs, in the order forward() reads it, and looks at
// no view before. Owner: the loading thread.
#pragma once

#include "base/result.h"
#include "base/thread_pool.h"
#include "model/convert.h"
#include "model/gguf_names.h"
#include "model/model.h"
#include "model/weight_copies.h"
#include "tensor/tensor_view.h"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace bora {

class WeightBinder {
 public:
  // convert_to: f32, f16 or bf16 for linear weights and the embedding; nullopt: as stored, but what
  // is of a packed type (formats/packed.h) widened. `pool` does the converting; without one nothing
  // is converted and the views, which then have the wanted type and lie where the stored values
  // lie, are for counting bytes only (outline_model). `copies`: what those come to lie in that are
  // not converted; null: they stay in the map.
  WeightBinder(const Checkpoint& checkpoint, std::optional<DType> convert_to, ThreadPool* pool,
               WeightCopies* copies = nullptr)
      : checkpoint_(checkpoint), convert_to_(convert_to), pool_(pool), copies_(copies) {}

  [[nodiscard]] bool is_gguf() const;
  // What this architecture calls some tensors in GGUF files other than most; borrowed.
  void set_gguf_names(std::span<const GgufName> exceptions) { gguf_names_ = exceptions; }

  // The embedding table [rows, columns], of any dtype or packed type; `tied`: the output projection
  // too.
  TensorView embedding(std::string_view name, std::size_t rows, std::size_t columns, bool tied);
  // The weight of a linear layer [out_features, in_features], of any dtype or packed type.
  TensorView linear(std::string_view name, std::size_t out_features, std::size_t in_features);
  // Several such weights, of `rows` out_features each, one after the other in one tensor of that
  // shape.
  std::vector<TensorView> linears(std::string_view name, const Shape& shape,
                                  std::span<const std::size_t> rows);
  // A norm weight, a bias or the like [size]: f32, f16 or bf16, never converted.
  TensorView vector(std::string_view name, std::size_t size);
  // The same, of which the checkpoint stores less `offset`: the sum, in f32, in memory of the
  // model's own.
  TensorView offset_vector(std::string_view name, std::size_t size, float offset);
  // The same where `wanted`; else an empty view, and a tensor of that name counts as unclaimed.
  TensorView vector_if(bool wanted, std::string_view name, std::size_t size);

  // Whether the checkpoint has it; asks for nothing.
  [[nodiscard]] bool has(std::string_view name) const;
  // Claims a tensor that may be there and is not used.
  void ignore(std::string_view name);

  // All that was asked for, or one error that lists what is missing, misshapen, of a type that does
  // not serve, and what nobody claimed. Called once, last.
  Result<BoundWeights> finish();

 private:
  StoredWeight find(std::string_view name, const Shape& shape, bool plain_only);
  TensorView converted(std::string_view name, const StoredWeight& stored, DType wanted_type);
  TensorView copied(std::string_view name, TensorView stored);
  [[nodiscard]] std::string stored_name(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> unclaimed() const;

  const Checkpoint& checkpoint_;
  std::optional<DType> convert_to_;
  ThreadPool* pool_;
  WeightCopies* copies_;
  std::span<const GgufName> gguf_names_;
  BoundWeights weights_;
  std::unordered_set<std::string> claimed_;  // by the checkpoint's own names
  std::vector<std::string> complaints_;
  bool unsupported_type_ =
      false;  // one of the complaints is of a type that nothing can be done with
  std::optional<Error> failure_;  // a conversion or copy: no memory, no room for a value, Ctrl-C
};

}  // namespace bora
