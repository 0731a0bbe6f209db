// Workspace: the activations of one step, taken in stack order from memory allocated once.
//
// forward() takes f32 matrices and gives them back all at once; nothing is freed singly. The engine
// owns it and sizes it by Model::workspace_values(). Owner: the engine's thread.
#pragma once

#include "backend/backend.h"
#include "base/result.h"
#include "tensor/buffer.h"
#include "tensor/tensor_view.h"

#include <cstddef>

namespace bora {

class Workspace {
 public:
  // Room for `values` float32 values. Errors: kDoesNotFit.
  static Result<Workspace> create(Backend& backend, std::size_t values);

  // The next [rows, columns] matrix of f32, contents undefined, valid until clear(). CHECKs the
  // room: the model said how much it takes.
  MutableTensorView take(std::size_t rows, std::size_t columns);
  void clear() { used_ = 0; }

  // Values that take(rows, columns) uses up: rows start on cache lines.
  static std::size_t values_for(std::size_t rows, std::size_t columns);

 private:
  explicit Workspace(Buffer buffer) : buffer_(std::move(buffer)) {}
  Buffer buffer_;
  std::size_t used_ = 0;  // bytes
};

}  // namespace bora
