// Workspace: the activations of one step, taken in stack order from memory allocated once.
//
// forward() takes f32 matrices off it and gives all back at once, or back to a mark it noted. The
// engine owns it and sizes it by Model::workspace_values(). Owner: the engine's thread.
#pragma once

#include "backend/backend.h"
#include "base/result.h"
#include "tensor/buffer.h"
#include "tensor/tensor_view.h"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <utility>

namespace bora {

class Workspace {
 public:
  // Room for `values` float32 values. Errors: kDoesNotFit.
  static Result<Workspace> create(Backend& backend, std::size_t values);

  // The next [rows, columns] matrix of f32, contents undefined. CHECKs that there is room: the
  // model said how much it takes.
  MutableTensorView take(std::size_t rows, std::size_t columns);

  // The next `count` whole numbers of 32 bits, contents undefined; they take as much as a row of
  // `count` values.
  std::span<std::int32_t> take_ids(std::size_t count);

  // rewind(mark()) gives back all that was taken in between.
  [[nodiscard]] std::size_t mark() const { return used_; }
  void rewind(std::size_t mark);

  // Values that take(rows, columns) uses up: each matrix starts on a cache line.
  static std::size_t values_for(std::size_t rows, std::size_t columns);
  // The sum over matrices of those widths.
  static std::size_t values_for(std::size_t rows, std::initializer_list<std::size_t> widths);

 private:
  explicit Workspace(Buffer buffer) : buffer_(std::move(buffer)) {}
  Buffer buffer_;
  std::size_t used_ = 0;  // values
};

}  // namespace bora
