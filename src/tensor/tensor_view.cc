#include "tensor/tensor_view.h"

namespace bora {

std::size_t Shape::rows() const {
  std::size_t product = 1;
  for (std::size_t i = 0; i + 1 < rank_; ++i) product *= dims_[i];
  return product;
}

std::string Shape::to_string() const {
  std::string text = "[";
  for (std::size_t i = 0; i < rank_; ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(dims_[i]);
  }
  return text + "]";
}

}  // namespace bora
