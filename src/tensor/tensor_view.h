// Shape and TensorView: a borrowed, row-major tensor. A view never outlives the map or Buffer it
// points into, is cheap to copy, and says nothing of devices. A copy of a quantized weight may have
// its rows interleaved; what is computed in or lies in a file never has.
//
// Shapes are written outermost first, as PyTorch and safetensors do: a linear weight is
// [out_features, in_features]. (GGUF stores them the other way round; formats/ turns them.)
#pragma once

#include "base/check.h"
#include "tensor/dtype.h"

#include <array>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>

namespace bora {

class Shape {
 public:
  static constexpr std::size_t kMaxRank = 4;

  Shape() = default;
  Shape(std::initializer_list<std::size_t> dims) : Shape(std::span(dims.begin(), dims.size())) {}
  explicit Shape(std::span<const std::size_t> dims) : rank_(dims.size()) {
    CHECK(dims.size() <= kMaxRank, "at most 4 dimensions");
    for (std::size_t i = 0; i < rank_; ++i) dims_[i] = dims[i];
  }

  [[nodiscard]] std::size_t rank() const { return rank_; }
  std::size_t operator[](std::size_t i) const {
    CHECK(i < rank_, "dimension out of range");
    return dims_[i];
  }
  [[nodiscard]] std::span<const std::size_t> dims() const { return {dims_.data(), rank_}; }

  // Values along the last dimension (1 for a scalar) and the number of such rows.
  [[nodiscard]] std::size_t columns() const { return rank_ == 0 ? 1 : dims_[rank_ - 1]; }
  [[nodiscard]] std::size_t rows() const;
  [[nodiscard]] std::size_t values() const { return rows() * columns(); }
  [[nodiscard]] std::string to_string() const;  // "[32000, 4096]"

  friend bool operator==(const Shape&, const Shape&) = default;

 private:
  std::array<std::size_t, kMaxRank> dims_{};
  std::size_t rank_ = 0;
};

struct TensorView {
  const std::byte* data = nullptr;
  DType dtype = DType::kF32;
  Shape shape;
  std::size_t interleaved = 1;  // so many rows lie together (tensor/interleaved.h)

  [[nodiscard]] std::size_t row_bytes() const { return bora::row_bytes(dtype, shape.columns()); }
  [[nodiscard]] std::size_t bytes() const { return row_bytes() * shape.rows(); }
  // Where rows begin with r, the first of those that lie together.
  [[nodiscard]] const std::byte* row(std::size_t r) const {
    CHECK(r % interleaved == 0, "interleaved rows begin together");
    return data + r * row_bytes();
  }
  [[nodiscard]] bool empty() const { return data == nullptr; }
};

// The same, writable: an activation or a cache. Plain types only, contiguous.
struct MutableTensorView {
  std::byte* data = nullptr;
  DType dtype = DType::kF32;
  Shape shape;

  // NOLINTNEXTLINE(google-explicit-constructor): reading what one may write is always right.
  operator TensorView() const { return {data, dtype, shape}; }
};

}  // namespace bora
