#include "model/weight_binder.h"

#include "formats/checkpoint.h"
#include "formats/ggml_types.h"
#include "formats/packed.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

namespace bora {

bool WeightBinder::is_gguf() const { return checkpoint_.kind() == Checkpoint::Kind::kGguf; }

std::string WeightBinder::stored_name(std::string_view name) const {
  return is_gguf() ? gguf_tensor_name(name, gguf_names_) : std::string(name);
}

bool WeightBinder::has(std::string_view name) const {
  return checkpoint_.contains(stored_name(name));
}

void WeightBinder::ignore(std::string_view name) { claimed_.insert(stored_name(name)); }

StoredWeight WeightBinder::find(std::string_view name, const Shape& shape, bool plain_only) {
  const std::string stored = stored_name(name);
  claimed_.insert(stored);
  const StoredTensor* tensor = checkpoint_.find(stored);
  if (tensor == nullptr) {
    complaints_.push_back(stored + " is missing");
    return {};
  }
  if (!tensor->dtype && tensor->packed == nullptr) {
    const bool known = !is_gguf() && dtype_from_safetensors(tensor->type_name);
    unsupported_type_ |= !known;
    complaints_.push_back(
        known ? fmt::format("{}: {}", stored, tensor->obstacle)
              : fmt::format("{} has type {}, which is not supported", stored, tensor->type_name));
    return {};
  }
  if (tensor->shape != shape) {
    complaints_.push_back(fmt::format("{} has shape {} instead of {}", stored,
                                      tensor->shape.to_string(), shape.to_string()));
    return {};
  }
  if (plain_only && (!tensor->dtype || info(*tensor->dtype).block_values != 1)) {
    complaints_.push_back(
        fmt::format("{} has type {} instead of f32, f16 or bf16", stored,
                    tensor->dtype ? info(*tensor->dtype).name : tensor->type_name));
    return {};
  }
  const DType dtype = tensor->dtype ? *tensor->dtype : tensor->packed->widened;
  return {.view = {checkpoint_.bytes_of(*tensor).data(), dtype, shape}, .packed = tensor->packed};
}

TensorView WeightBinder::copied(std::string_view name, TensorView stored) {
  if (copies_ == nullptr) {
    weights_.copyable_bytes += stored.bytes();
    return stored;
  }
  Result<TensorView> copy = copies_->copy(stored);
  if (!copy) {
    failure_ = std::move(copy).error().with_context(stored_name(name));
    return {};
  }
  weights_.copied_bytes += stored.bytes();
  checkpoint_.done_with({stored.data, stored.bytes()});
  return *copy;
}

TensorView WeightBinder::converted(std::string_view name, const StoredWeight& stored,
                                   DType wanted_type) {
  const TensorView wanted{stored.view.data, wanted_type, stored.view.shape};
  weights_.converted_bytes += wanted.bytes();
  if (pool_ == nullptr) return wanted;
  Result<Buffer> buffer = convert_weights(stored, wanted_type, *pool_);
  if (!buffer) {
    failure_ = std::move(buffer).error().with_context(stored_name(name));
    return {};
  }
  weights_.owned.push_back(std::move(buffer).value());
  return {weights_.owned.back().bytes().data(), wanted_type, wanted.shape};
}

TensorView WeightBinder::embedding(std::string_view name, std::size_t rows, std::size_t columns,
                                   bool tied) {
  weights_.embedding = linear(name, rows, columns);
  weights_.tied_embedding = tied;
  return weights_.embedding;
}

TensorView WeightBinder::linear(std::string_view name, std::size_t out_features,
                                std::size_t in_features) {
  return linears(name, {out_features, in_features}, std::array{out_features}).front();
}

std::vector<TensorView> WeightBinder::linears(std::string_view name, const Shape& shape,
                                              std::span<const std::size_t> rows) {
  std::vector<TensorView> parts(rows.size());
  const StoredWeight stored = find(name, shape, false);
  if (stored.view.empty() || failure_) return parts;
  const DType wanted_type = convert_to_.value_or(stored.view.dtype);
  const bool as_stored = stored.packed == nullptr && wanted_type == stored.view.dtype;
  const TensorView all = as_stored ? stored.view : converted(name, stored, wanted_type);
  std::size_t first = 0;
  for (std::size_t i = 0; i < rows.size() && !failure_; first += rows[i], ++i) {
    parts[i] = {all.row(first), all.dtype, {rows[i], all.shape.columns()}};
    if (as_stored) parts[i] = copied(name, parts[i]);
    weights_.in_use_order.push_back(parts[i]);
  }
  return parts;
}

TensorView WeightBinder::vector(std::string_view name, std::size_t size) {
  const TensorView view = find(name, {size}, true).view;
  if (!view.empty()) weights_.in_use_order.push_back(view);
  return view;
}

TensorView WeightBinder::offset_vector(std::string_view name, std::size_t size, float offset) {
  const TensorView stored = find(name, {size}, true).view;
  if (stored.empty() || failure_) return {};
  Result<Buffer> buffer = add_offset(stored, offset);
  if (!buffer) {
    failure_ = std::move(buffer).error().with_context(stored_name(name));
    return {};
  }
  weights_.owned.push_back(std::move(buffer).value());
  const TensorView view = {weights_.owned.back().bytes().data(), DType::kF32, {size}};
  weights_.converted_bytes += view.bytes();
  weights_.in_use_order.push_back(view);
  return view;
}

TensorView WeightBinder::vector_if(bool wanted, std::string_view name, std::size_t size) {
  return wanted ? vector(name, size) : TensorView{};
}

std::vector<std::string> WeightBinder::unclaimed() const {
  std::vector<std::string> names;
  for (const StoredTensor& tensor : checkpoint_.tensors()) {
    if (!claimed_.contains(tensor.name)) names.push_back(tensor.name + " is not used");
  }
  return names;
}

Result<BoundWeights> WeightBinder::finish() {
  for (std::string& complaint : unclaimed()) complaints_.push_back(std::move(complaint));
  if (!complaints_.empty()) {
    constexpr std::size_t kListed = 8;
    const std::size_t count = complaints_.size();
    complaints_.resize(std::min(count, kListed));
    Error error{
        ErrorCode::kBadModel,
        fmt::format("{}: expected the tensors its config describes, found {} at fault: {}{}",
                    checkpoint_.path().filename().string(), count, fmt::join(complaints_, "; "),
                    count > kListed ? fmt::format("; and {} more", count - kListed) : ""),
        {}};
    if (unsupported_type_) {
      error.hints = {"supported types: " + (is_gguf() ? supported_ggml_types() : "F32, F16, BF16")};
    }
    return error;
  }
  if (failure_) return std::move(*failure_);
  return std::move(weights_);
}

}  // namespace bora
