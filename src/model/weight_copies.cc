#include "model/weight_copies.h"

#include "base/check.h"

#include <utility>

namespace bora {

Result<WeightCopies> WeightCopies::create(Backend& backend, std::size_t bytes, OnCopied on_copied) {
  Result<Buffer> buffer = Buffer::allocate(bytes);
  if (!buffer) return std::move(buffer).error().with_context("weights");
  return WeightCopies(backend, *std::move(buffer), std::move(on_copied));
}

Result<TensorView> WeightCopies::copy(TensorView weight) {
  const std::size_t total = buffer_.bytes().size();
  CHECK(weight.bytes() <= total - used_, "weights are copied as they were counted");
  const TensorView copy = backend_->copy_weight(weight, buffer_.bytes().data() + used_);
  used_ += weight.bytes();
  if (on_copied_ && !on_copied_(used_, total)) {
    return Error{ErrorCode::kInterrupted, "copying weights: interrupted", {}};
  }
  return copy;
}

}  // namespace bora
