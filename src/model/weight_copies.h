// WeightCopies: memory of a model's own for the weights that are copied out of its checkpoint at
// load, near to the threads that read them and in huge pages, which the page cache has not.
#pragma once

#include "backend/backend.h"
#include "base/result.h"
#include "tensor/buffer.h"
#include "tensor/tensor_view.h"

#include <cstddef>
#include <functional>

namespace bora {

// Bytes copied and bytes of all; false: give up.
using OnCopied = std::function<bool(std::size_t done, std::size_t total)>;

class WeightCopies {
 public:
  // Room for `bytes` of weights; the backend outlives it. on_copied may be empty.
  // Errors: kDoesNotFit.
  static Result<WeightCopies> create(Backend& backend, std::size_t bytes, OnCopied on_copied);

  // The same weight, copied behind the one before (Backend::copy_weight). Precondition (CHECKed):
  // there is room. Errors: kInterrupted.
  Result<TensorView> copy(TensorView weight);

  // What all copies lie in, which outlives them.
  [[nodiscard]] Buffer take() && { return std::move(buffer_); }

 private:
  WeightCopies(Backend& backend, Buffer buffer, OnCopied on_copied)
      : backend_(&backend), buffer_(std::move(buffer)), on_copied_(std::move(on_copied)) {}

  Backend* backend_;
  Buffer buffer_;
  std::size_t used_ = 0;
  OnCopied on_copied_;
};

}  // namespace bora
