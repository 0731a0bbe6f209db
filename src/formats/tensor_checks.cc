#include "formats/tensor_checks.h"

#include "base/printable.h"
#include "formats/checked_math.h"

#include <algorithm>
#include <vector>

namespace bora {

std::optional<std::uint64_t> checked_values(std::span<const std::size_t> dims) {
  std::optional<std::uint64_t> without_zeros = 1;
  bool zero = false;
  for (const std::size_t dim : dims) {
    zero = zero || dim == 0;
    without_zeros = checked_multiply(without_zeros, dim == 0 ? 1 : dim);
  }
  if (!without_zeros || *without_zeros > kMaxTensorValues) return std::nullopt;
  return zero ? 0 : *without_zeros;
}

std::string unsupported_type(std::string_view supported, std::string_view type_name) {
  std::string text = "expected one of ";
  text.append(supported);
  return text + ", found type " + printable(type_name, 40) + ", which is not supported";
}

Result<void> check_unique_names(std::span<const StoredTensor> tensors, std::string_view file_name) {
  // Sorted, not hashed: names made to collide would take quadratic time.
  std::vector<std::string_view> names;
  names.reserve(tensors.size());
  for (const StoredTensor& tensor : tensors) names.push_back(tensor.name);
  std::sort(names.begin(), names.end());
  const auto twin = std::adjacent_find(names.begin(), names.end());
  if (twin == names.end()) return {};
  std::string message(file_name);
  message.append(": expected every tensor once, found two of the name ").append(quoted(*twin));
  return Error{ErrorCode::kBadModel, std::move(message), {}};
}

}  // namespace bora
